"""What decides: pure logic on a clock that is handed in. It imports no asyncio and no HTTP."""
