"""Ratios are what these benchmarks are for: say them at the end, beside pytest-benchmark's table of seconds."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each benchmark that noted something."""
    session = getattr(config, "_benchmarksession", None)
    for benchmark in session.benchmarks if session else []:
        if benchmark.extra_info:
            notes = "; ".join(f"{name}: {value}" for name, value in benchmark.extra_info.items())
            terminalreporter.write_line(f"{benchmark.name}: {notes}")
