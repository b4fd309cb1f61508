import pytest
from slipway_kit.settings import Settings
from slipway_kit.variables import SettingsError


def faults(**environment: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(environment)
    return raised.value.faults


def test_without_variables_everything_has_a_default() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()


def test_values_are_read_from_variables_named_after_the_fields() -> None:
    settings = Settings.from_environment({"SLIPWAY_OBJECTIVE_MS": "250", "SLIPWAY_MAX_BATCH": "16"})
    assert (settings.objective, settings.max_batch) == (0.25, 16)


def test_all_faults_are_told_at_once_with_variable_value_and_what_is_accepted() -> None:
    assert faults(SLIPWAY_MAX_BATCH="many", SLIPWAY_EXECUTION="fibers", SLIPWAY_OBJECTIVE_MS="nan") == [
        "SLIPWAY_OBJECTIVE_MS is 'nan', and must be a number of milliseconds from 1 to 3.6e+06",
        "SLIPWAY_MAX_BATCH is 'many', and must be a whole number of units from 1 to 65536",
        "SLIPWAY_EXECUTION is 'fibers', and must be auto, thread or inline",
    ]


def test_a_misspelt_variable_is_a_fault_and_one_of_another_tool_is_not() -> None:
    assert faults(SLIPWAY_OBJECTVE_MS="5") == [
        "SLIPWAY_OBJECTVE_MS is none of the kit's variables; did you mean SLIPWAY_OBJECTIVE_MS?"
    ]
    assert Settings.from_environment({"SLIPWAY_BASE_IMAGE": "debian"}) == Settings()


def test_values_that_contradict_each_other_are_a_fault() -> None:
    said = faults(
        SLIPWAY_MAX_BATCH="64",
        SLIPWAY_QUEUE_ITEMS="10",
        SLIPWAY_QUEUE_BYTES="100",
        SLIPWAY_DRAIN_DELAY_SECONDS="5",
        SLIPWAY_DRAIN_SECONDS="4",
    )
    assert [line.split(" ", 1)[0] for line in said] == [
        "SLIPWAY_QUEUE_ITEMS",
        "SLIPWAY_QUEUE_BYTES",
        "SLIPWAY_DRAIN_DELAY_SECONDS",
    ]
