"""What a stack file may not say: every fault has its key, its line, and what would be accepted."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings, SettingsError, load, load_file
from tests.infra.settings.stackfiles import TEXT, VALID, as_engine, as_yaml, changed, read, replaced, told

DIGITS = "slipway:models.digits"
MODEL = ("slipway:models", "digits")
OURS = ", ".join(sorted(str(field.alias) for field in Settings.model_fields.values() if "slipway:" in str(field.alias)))
OF_AWS = "aws:allowedAccountIds, aws:defaultTags, aws:forbiddenAccountIds, aws:region"
BOTH = "which aws:allowedAccountIds allows; an account is in one of the two"
OF_A_MODEL = "the keys here are image, pool, replicas, resources, route, scaling, server, serving"
IMAGE = "write `name@sha256:…` (64 hex digits), or `built` for a local build"
CPU = "write cores (`2`, `0.5`) or thousandths (`500m`)"
MEMORY = "write it with a unit, such as `512Mi` or `2Gi`"
NAME = "use at most 40 lower-case letters, digits and dashes, a letter first"
MODEL_REPLICAS = ("slipway:models", "digits", "replicas")
ACCOUNT = 'write its twelve digits in quotes, such as "111122223333"'

# A change to the valid file (a path and a value; no value takes the key away), the key it is blamed on, what is said.
WRONG: dict[str, tuple[tuple[str, ...], Any, str, str]] = {
    "no cluster": (
        ("slipway:cluster",),
        None,
        "slipway:cluster",
        "is missing; slipway:models are deployed to it: name one that exists (`context`), or have EKS make one",
    ),
    "cluster without context": (
        ("slipway:cluster", "context"),
        None,
        "slipway:cluster",
        'says neither which cluster exists (`context: NAME`) nor which EKS is to make (`name`, `version: "1.34"` …)',
    ),
    "empty context": (
        ("slipway:cluster", "context"),
        "",
        "slipway:cluster.context",
        "is ''; at least 1 character is expected",
    ),
    "a namespace that is none": (
        ("slipway:cluster", "namespace"),
        "Team_A",
        "slipway:cluster.namespace",
        "'Team_A' is not a namespace; use at most 63 lower-case letters, digits and dashes, a letter first",
    ),
    "a registry that would be a user of Docker Hub": (
        ("slipway:cluster", "registry"),
        "team/models",
        "slipway:cluster.registry",
        "'team/models' is not a registry's address; write HOST/PATH or HOST:PORT/PATH, such as localhost:5001/slipway",
    ),
    "unknown section": (
        ("slipway:modles",),
        {},
        "slipway:modles",
        f"is not a key; did you mean `slipway:models`? the keys here are {OURS}",
    ),
    "unknown key in a section": (
        ("slipway:cluster", "contxt"),
        "x",
        "slipway:cluster.contxt",
        "is not a key; did you mean `context`? the keys here are context, installed, namespace, registry",
    ),
    "unknown key of a model": (
        (*MODEL, "replica"),
        1,
        f"{DIGITS}.replica",
        f"is not a key; did you mean `replicas`? {OF_A_MODEL}",
    ),
    "models as a list": (("slipway:models",), ["digits"], "slipway:models", "is a list of 1 value; a map is expected"),
    "model as a text": (MODEL, "built", DIGITS, f"is 'built'; a map is expected; {OF_A_MODEL}"),
    "model without image": ((*MODEL, "image"), None, f"{DIGITS}.image", "is missing"),
    "image by tag": (
        (*MODEL, "image"),
        "digits:latest",
        f"{DIGITS}.image",
        f"'digits:latest' is not an image; {IMAGE}; a tag may mean another image tomorrow",
    ),
    "image with a short digest": (
        (*MODEL, "image"),
        "digits@sha256:abc",
        f"{DIGITS}.image",
        f"'digits@sha256:abc' is not an image; {IMAGE}",
    ),
    "image as a number": ((*MODEL, "image"), 7, f"{DIGITS}.image", "is 7; text is expected; quotes make it text"),
    "no replicas": ((*MODEL, "replicas"), 0, f"{DIGITS}.replicas", "is 0; 1 or more is expected"),
    "too many replicas": ((*MODEL, "replicas"), 9999, f"{DIGITS}.replicas", "is 9999; 200 or less is expected"),
    "replicas in words": ((*MODEL, "replicas"), "two", f"{DIGITS}.replicas", "is 'two'; a whole number is expected"),
    "half a replica": ((*MODEL, "replicas"), 1.5, f"{DIGITS}.replicas", "is 1.5; a whole number is expected"),
    "replicas as a truth": ((*MODEL, "replicas"), True, f"{DIGITS}.replicas", "is true; a whole number is expected"),
    "no resources": ((*MODEL, "resources"), None, f"{DIGITS}.resources", "is missing"),
    "resources as a list": (
        (*MODEL, "resources"),
        ["500m", "512Mi"],
        f"{DIGITS}.resources",
        "is a list of 2 values; a map is expected; the keys here are cpu, gpus, memory, scratch",
    ),
    "no memory": ((*MODEL, "resources", "memory"), None, f"{DIGITS}.resources.memory", "is missing"),
    "memory without a unit": (
        (*MODEL, "resources", "memory"),
        512,
        f"{DIGITS}.resources.memory",
        "'512' is less than a Python process needs; give it 64Mi or more",
    ),
    "memory in no unit of Kubernetes": (
        (*MODEL, "resources", "memory"),
        "1GB",
        f"{DIGITS}.resources.memory",
        f"'1GB' is not an amount of memory; {MEMORY}",
    ),
    "processors in words": (
        (*MODEL, "resources", "cpu"),
        "one",
        f"{DIGITS}.resources.cpu",
        f"'one' is not an amount of processor; {CPU}",
    ),
    "no processor": (
        (*MODEL, "resources", "cpu"),
        "0",
        f"{DIGITS}.resources.cpu",
        f"'0' is not an amount of processor; {CPU}",
    ),
    "more processors than there are": (
        (*MODEL, "resources", "cpu"),
        "1000000",
        f"{DIGITS}.resources.cpu",
        f"'1000000' is not an amount of processor; {CPU}",
    ),
    "more memory than a number holds": (
        (*MODEL, "resources", "memory"),
        "9" * 2_000_000,
        f"{DIGITS}.resources.memory",
        f"'{'9' * 78}…' is not an amount of memory; {MEMORY}",
    ),
    "name with capitals": (
        ("slipway:models", "Digits"),
        VALID["slipway:models"]["digits"],
        "slipway:models.Digits",
        f"'Digits' cannot name a model; {NAME}",
    ),
    "name beginning with a digit": (
        ("slipway:models", "9s"),
        VALID["slipway:models"]["digits"],
        "slipway:models.9s",
        f"'9s' cannot name a model; {NAME}",
    ),
    "region in words": (
        ("aws:region",),
        "Frankfurt",
        "aws:region",
        "'Frankfurt' is not a region; write its code, such as eu-central-1",
    ),
    "account as a number": (
        ("aws:allowedAccountIds",),
        [111122223333],
        "aws:allowedAccountIds[0]",
        "111122223333 is a number, which loses leading zeros; write the twelve digits in quotes",
    ),
    "account with a digit too few": (
        ("aws:allowedAccountIds",),
        ["111122223333", "11112222333"],
        "aws:allowedAccountIds[1]",
        f"'11112222333' is not an account id; {ACCOUNT}",
    ),
    "no account allowed": (
        ("aws:allowedAccountIds",),
        [],
        "aws:allowedAccountIds",
        "is an empty list; write at least one account, or take the key out",
    ),
    "account that is no list": (
        ("aws:forbiddenAccountIds",),
        "111122223333",
        "aws:forbiddenAccountIds",
        "is '111122223333'; a list is expected",
    ),
    "tag as a number": (
        ("aws:defaultTags",),
        {"tags": {"cost-center": 7}},
        "aws:defaultTags.tags.cost-center",
        "is 7; text is expected; quotes make it text",
    ),
    "tag of AWS itself": (
        ("aws:defaultTags",),
        {"tags": {"aws:owner": "me"}},
        "aws:defaultTags.tags.aws:owner",
        "'aws:owner' cannot be a tag; use 1 to 128 characters that do not begin with `aws:`",
    ),
    "unknown key of AWS": (
        ("aws:regoin",),
        "eu-central-1",
        "aws:regoin",
        f"is not a key; did you mean `aws:region`? the keys here are {OF_AWS}",
    ),
    "credential": (
        ("aws:secretKey",),
        "wJalrXUtnFEMI",
        "aws:secretKey",
        "is a credential; those are of the environment that runs `pulumi`, never in a stack file",
    ),
    "misspelt namespace": (
        ("slpway:models",),
        {},
        "slpway:models",
        "is in an unknown namespace; did you mean `slipway`? the namespaces here are slipway, aws, kubernetes, pulumi",
    ),
    "namespace of another plugin": (
        ("gcp:project",),
        "mine",
        "gcp:project",
        "is in an unknown namespace; the namespaces here are slipway, aws, kubernetes, pulumi",
    ),
    "old form of a key": (
        ("slipway:config:models",),
        {},
        "slipway:config:models",
        "is the old form of a key; write `slipway:models`",
    ),
}

SECRET = (
    "holds a secret, and no stack file does, not even encrypted: keep it in AWS Secrets Manager, refer to it there by "
    "name, and take this out"
)
UNLIKE = (
    "which not all readers of YAML read alike; put text in quotes, write a number in up to 18 decimal digits, and "
    "truth as true or false"
)
ZERO = "a number with a leading zero, which gets lost or means octal; put it in quotes"
TOP = "the keys here are config, encryptedkey, encryptionsalt, environment, imports, secretsprovider"

# A whole file, and the lines that are told about it, without the name of the file.
FILES: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", (":1: this is empty; a map with the key `config` is expected",)),
    "only a comment": ("# to do\n", (":1: this is empty; a map with the key `config` is expected",)),
    "list": ("- config\n", (":1: this is a list of 1 value; a map with the key `config` is expected",)),
    "no config": (
        "confg: {}\n",
        (": config: is missing", f":1: confg: is not a key; did you mean `config`? {TOP}"),
    ),
    "config without anything": (
        "config:\n",
        (f":1: config: is empty; a map is expected; the keys here are {OF_AWS}, {OURS}",),
    ),
    "several documents": (
        f"{TEXT}---\n{TEXT}",
        (":9: a stack file is one YAML document, and a second one begins here",),
    ),
    "tab": (
        replaced("    context:", "\tcontext:"),
        (":3: this is not YAML: a line begins with a tab; indent with spaces",),
    ),
    "bracket that stays open": (
        replaced("512Mi}", "512Mi"),
        (":9: this is not YAML: expected ',' or '}', but got '<stream end>'",),
    ),
    "not UTF-8": (
        replaced("somewhere", "sömewhere").encode("latin-1"),
        (":3: this is not UTF-8 text (byte 0xf6); save the file as UTF-8",),
    ),
    "UTF-16": (TEXT.encode("utf-16"), (":1: this is not UTF-8 text (byte 0xff); save the file as UTF-8",)),
    "bell": (replaced("somewhere", "some\awhere"), (":3: the character 0x7 may not be in YAML",)),
    "escape beyond all characters": (
        replaced("somewhere", r'"\UFFFFFFFF"'),
        (":3: this is not YAML: an escape in it stands for no character",),
    ),
    "half a character": (
        replaced("somewhere", r'"\ud800"'),
        (r":3: slipway:cluster.context: is '\ud800', which has half a character in it",),
    ),
    "half a character in a key": (
        replaced("digits:", r'"\ud800":'),
        (r":5: slipway:models.'\\ud800': is a key that YAML does not read as text; put it in quotes",),
    ),
    "alias of nothing": (
        replaced("replicas: 2", "replicas: *many"),
        (":7: this is not YAML: found undefined alias 'many'",),
    ),
    "alias of itself": (
        replaced("{cpu: 500m, memory: 512Mi}", "&it {cpu: 500m, memory: *it}"),
        (f":8: {DIGITS}.resources.memory: is an alias of something that holds it",),
    ),
    "aliases without end": (
        "config:\n  a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"  {b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
        (":2: with its aliases written out, this has more than 50000 values",),
    ),
    "merge of a number": (
        replaced("replicas: 2", "<<: 2"),
        (f":7: {DIGITS}.'<<': brings no map; an alias of a map is expected, such as `<<: *name`",),
    ),
    "lists without end": (
        f"{TEXT}  kubernetes:x: {'[' * 5000}{']' * 5000}\n",
        (":9: this is nested too deeply to be a stack file",),
    ),
    "lists in lists": (
        f"{TEXT}  kubernetes:x: {'[' * 60}{']' * 60}\n",
        (f":9: kubernetes:x{'[0]' * 38}: is nested too deeply to be a setting",),
    ),
    "key given twice": (
        replaced("replicas: 2", "replicas: 2\n      replicas: 3"),
        (f":8: {DIGITS}.replicas: is given twice; line 7 has it already",),
    ),
    "section given twice": (
        f"{TEXT}  slipway:cluster: {{context: elsewhere}}\n",
        (":9: slipway:cluster: is given twice; line 2 has it already",),
    ),
    "section given bare as well": (
        f"{TEXT}  cluster: {{context: elsewhere}}\n",
        (":9: cluster: is given twice: `slipway:cluster` and `cluster` are the same",),
    ),
    "bare key misspelt": (
        f"{TEXT}  modles: {{}}\n",
        (f":9: slipway:modles: is not a key; did you mean `slipway:models`? the keys here are {OURS}",),
    ),
    "fault below a bare key": (
        TEXT.replace("slipway:models", "models").replace("replicas: 2", "replicas: 0"),
        (f":7: {DIGITS}.replicas: is 0; 1 or more is expected",),
    ),
    "unreadable value below a bare key": (
        TEXT.replace("slipway:models", "models").replace("replicas: 2", "replicas: 0o2"),
        (f":7: {DIGITS}.replicas: is 0o2, {UNLIKE}",),
    ),
    "key that is a number": (
        replaced("digits:", "7:"),
        (":5: slipway:models.7: is a key that YAML does not read as text; put it in quotes",),
    ),
    "key that is a truth": (
        replaced("digits:", "on:"),
        (":5: slipway:models.on: is a key that YAML does not read as text; put it in quotes",),
    ),
    "key that is nothing": (
        replaced("digits:", "~:"),
        (":5: slipway:models.'~': is a key that YAML does not read as text; put it in quotes",),
    ),
    "key that is a map": (
        replaced("digits:", "{{ model }}:"),
        (":5: slipway:models.{…}: is a structure in place of a key; put text with brackets in quotes",),
    ),
    "date": (replaced("somewhere", "2026-01-31"), (f":3: slipway:cluster.context: is 2026-01-31, {UNLIKE}",)),
    "date to Go alone": (replaced("somewhere", "2026-1-31"), (f":3: slipway:cluster.context: is 2026-1-31, {UNLIKE}",)),
    "truth of old": (replaced("somewhere", "yes"), (f":3: slipway:cluster.context: is yes, {UNLIKE}",)),
    "time of day": (replaced("somewhere", "12:30:00"), (f":3: slipway:cluster.context: is 12:30:00, {UNLIKE}",)),
    "octal number": (replaced("replicas: 2", "replicas: 0o2"), (f":7: {DIGITS}.replicas: is 0o2, {UNLIKE}",)),
    "leading zero": (replaced("replicas: 2", "replicas: 02"), (f":7: {DIGITS}.replicas: is 02, {ZERO}",)),
    "number with an exponent": (
        replaced("replicas: 2", "replicas: 2e0"),
        (f":7: {DIGITS}.replicas: is 2e0, {UNLIKE}",),
    ),
    "not a number": (replaced("500m", ".nan"), (f":8: {DIGITS}.resources.cpu: is .nan, {UNLIKE}",)),
    "number beyond 64 bits": (
        replaced("replicas: 2", f"replicas: {10**20}"),
        (f":7: {DIGITS}.replicas: is {10**20}, {UNLIKE}",),
    ),
    "binary": (
        replaced("built", "!!binary YQ=="),
        (f":6: {DIGITS}.image: has the tag !!binary; stack files use none",),
    ),
    "tag of a program": (
        replaced("built", "!!python/object/apply:os.getcwd []"),
        (f":6: {DIGITS}.image: has the tag !!python/object/apply:os.getcwd; stack files use none",),
    ),
    "set": (
        replaced("{cpu: 500m, memory: 512Mi}", "!!set {cpu, memory}"),
        (f":8: {DIGITS}.resources: has the tag !!set; stack files use none",),
    ),
    "model without anything": (
        f"{TEXT}    other:\n",
        (f":9: slipway:models.other: is empty; a map is expected; {OF_A_MODEL}",),
    ),
    "name on two lines": (
        replaced("digits:", r'"dig\nits":'),
        (rf":5: slipway:models.'dig\nits': 'dig\nits' cannot name a model; {NAME}",),
    ),
    "long value": (
        replaced("built", "x" * 500),
        (f":6: {DIGITS}.image: '{'x' * 78}…' is not an image; {IMAGE}",),
    ),
    "secret": (replaced("somewhere", "{secure: AAABAO8=}"), (f":3: slipway:cluster.context: {SECRET}",)),
    "secret in place of a section": (
        replaced("\n    context: somewhere", " {secure: AAABAO8=}"),
        (f":2: slipway:cluster: {SECRET}",),
    ),
    "secret of another namespace": (
        f"{TEXT}  kubernetes:kubeconfig: {{secure: AAABAO8=}}\n",
        (f":9: kubernetes:kubeconfig: {SECRET}",),
    ),
    "secret in a list": (
        f"{TEXT}  pulumi:tags:\n    all:\n      - one\n      - secure: AAABAO8=\n",
        (f":12: pulumi:tags.all[1]: {SECRET}",),
    ),
    "secret in an environment": (
        f"{TEXT}environment:\n  values:\n    password:\n      fn::secret: hunter2\n",
        (f":11: environment.values.password: {SECRET}",),
    ),
    "environment as a number": (
        f"{TEXT}environment: 7\n",
        (":9: environment: is 7; a list of environments is expected, or a map that defines one",),
    ),
    "imports as a text": (f"{TEXT}imports: dev\n", (":9: imports: is 'dev'; a list is expected",)),
    "salt as a number": (
        f"{TEXT}encryptionsalt: 7\n",
        (":9: encryptionsalt: is 7; text is expected; quotes make it text",),
    ),
    "unknown key beside config": (
        f"{TEXT}secretprovider: passphrase\n",
        (f":9: secretprovider: is not a key; did you mean `secretsprovider`? {TOP}",),
    ),
    "region without anything": (
        f"{TEXT}  aws:region:\n",
        (":9: aws:region: is empty; text is expected; quotes make it text",),
    ),
    "accounts without anything": (
        f"{TEXT}  aws:allowedAccountIds:\n",
        (":9: aws:allowedAccountIds: is empty; a list is expected",),
    ),
    "account with a leading zero": (
        f"{TEXT}  aws:allowedAccountIds:\n    - '111122223333'\n    - 012345670123\n",
        (f":11: aws:allowedAccountIds[1]: is 012345670123, {ZERO}",),
    ),
    "account that is allowed and forbidden": (
        f"{TEXT}  aws:forbiddenAccountIds: ['111122223333']\n  aws:allowedAccountIds: ['111122223333']\n",
        (f":9: aws:forbiddenAccountIds: forbids 111122223333, {BOTH}",),
    ),
}


def test_the_valid_file_is_accepted() -> None:
    settings = load(as_engine(VALID), stack="x")
    assert settings.models["digits"].replicas == 2
    assert settings.models["digits"].resources.cpu == "500m"


@pytest.mark.parametrize("key", ["kubernetes:context", "pulumi:template"])
def test_keys_of_others_are_left_alone(key: str) -> None:
    assert load({**as_engine(VALID), key: "us-east-1"}, stack="x") == load(as_engine(VALID), stack="x")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_refused_from_the_engine_and_from_a_file(name: str, tmp_path: Path) -> None:
    path, value, key, what = WRONG[name]
    config = changed(path, value)
    with pytest.raises(SettingsError) as refused:
        load(as_engine(config), stack="broken")
    assert str(refused.value) == (
        f"stacks/Pulumi.broken.yaml: 1 fault, nothing was changed\n  stacks/Pulumi.broken.yaml: {key}: {what}"
    )
    with pytest.raises(SettingsError) as refused:
        read(as_yaml(config), tmp_path)
    assert [(fault.key, fault.what) for fault in refused.value.faults] == [(key, what)]


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_is_refused_with_line_key_and_reason(name: str, tmp_path: Path) -> None:
    content, lines = FILES[name]
    assert told(content, tmp_path) == [f"stacks/Pulumi.broken.yaml{line}" for line in lines]


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
config:
  slipway:cluster: {context: here}
  slipway:models:
    digits:
      image: digits:latest
      replicas: 0
      resources:
        cpu: yes
  aws:region: {secure: AAABAO8=}
  aws:region: eu-central-1
"""
    with pytest.raises(SettingsError) as refused:
        read(text, tmp_path)
    assert [(fault.key, fault.line) for fault in refused.value.faults] == [
        (f"{DIGITS}.image", 5),
        (f"{DIGITS}.replicas", 6),
        (f"{DIGITS}.resources.memory", 7),
        (f"{DIGITS}.resources.cpu", 8),
        ("aws:region", 10),
    ]
    assert "5 faults, nothing was changed" in str(refused.value)
    assert "stacks/Pulumi.broken.yaml:6: slipway:models.digits.replicas: is 0" in str(refused.value)


def test_a_file_that_is_not_there_is_a_fault_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"stacks/Pulumi\.none\.yaml: cannot be read: No such file or directory"):
        load_file(tmp_path / "Pulumi.none.yaml")


def test_a_secret_that_the_engine_has_decrypted_is_refused() -> None:
    with pytest.raises(SettingsError) as refused:
        load(as_engine(VALID), stack="broken", secrets=["slipway:cluster"])
    assert [(fault.key, fault.what) for fault in refused.value.faults] == [("slipway:cluster", SECRET)]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"context": NaN}', '{"context": "x"', "null", f"[{'9' * 5000}]"])
def test_whatever_the_engine_hands_over_is_refused_in_words(text: str) -> None:
    with pytest.raises(SettingsError, match="slipway:cluster"):
        load({**as_engine(VALID), "slipway:cluster": text}, stack="broken")


def test_the_program_reads_its_keys_as_they_are_written_and_not_as_python_names_them() -> None:
    with pytest.raises(SettingsError, match="slipway:allowed_account_ids: is not a key"):
        load({**as_engine(VALID), "slipway:allowed_account_ids": json.dumps(["111122223333"])}, stack="broken")


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"slipway:gateway": {"keys": {"secret": "clients"}}}, "slipway:gateway"),
        ({"slipway:cache": {}}, "slipway:cache"),
        (
            changed(
                ("slipway:models", "digits", "scaling"), {"max": 3, "cpu": "70%"}, of=changed(MODEL_REPLICAS, None)
            ),
            "slipway:models.digits.scaling",
        ),
    ],
)
def test_what_reaches_into_the_namespace_of_models_is_refused_beside_another(more: dict[str, Any], key: str) -> None:
    config = {**VALID, **more, "slipway:cluster": {"context": "here", "namespace": "team"}}
    with pytest.raises(SettingsError) as refused:
        load(as_engine(config), stack="x")
    (fault,) = refused.value.faults
    assert (fault.key, key in fault.what) == ("slipway:cluster.namespace", True)
    load(as_engine({**config, "slipway:cluster": {"context": "here"}}), stack="x")
