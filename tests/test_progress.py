"""What is seen of loops while they run: a bar on a terminal, a line now and then in a log."""

import io
import sys
from collections.abc import Iterable, Iterator

import pytest

from forsys.progress import progress, quiet, stage_line, step_callback

Output = pytest.CaptureFixture[str]


class Clock:
    """It stands still but for what `lasting` adds."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def lasting(self, seconds: float, items: Iterable[int]) -> Iterator[int]:
        """Items that take so long to come."""
        for item in items:
            self.now += seconds
            yield item


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Called in a test and no fixture, since pytest sets standard error anew between the two."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


class TestOnATerminal:
    def test_a_bar(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = on_a_terminal(monkeypatch)
        assert list(progress(range(3), "candidates", "shard")) == [0, 1, 2]
        assert "candidates" in terminal.getvalue()
        assert "shard" in terminal.getvalue()

    def test_no_lines(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        terminal = on_a_terminal(monkeypatch)
        with stage_line("retrieve", clock):
            list(progress(clock.lasting(1_000, range(3)), "candidates", "shard", 3))
        assert "candidates" in terminal.getvalue()
        assert "so far" not in terminal.getvalue()

    def test_a_library_s_loop_moves_a_bar(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = on_a_terminal(monkeypatch)
        callback = step_callback(2, "ALS", "iteration")
        callback()
        callback()
        assert "ALS" in terminal.getvalue()


class TestInALog:
    def test_a_line_every_half_minute_on_standard_error(self, clock: Clock, capsys: Output) -> None:
        with stage_line("retrieve", clock):
            shards = iter(progress(clock.lasting(12, range(8_000)), "candidates", "shard", 8_000))
            assert [next(shards) for _ in range(8)] == list(range(8))
        found = capsys.readouterr()
        assert found.err.splitlines() == [
            "retrieve   candidates, shard 4 of 8,000 [36 s so far]",
            "retrieve   candidates, shard 7 of 8,000 [72 s so far]",
        ]
        assert found.out.startswith("retrieve    [96.0 s, peak ")
        assert found.out.count("\n") == 1

    def test_a_quick_loop_prints_nothing(self, clock: Clock, capsys: Output) -> None:
        with stage_line("retrieve", clock):
            for _ in range(9):  # nor do many, one after the other
                assert len(list(progress(clock.lasting(9, range(3)), "candidates", "shard", 3))) == 3
        assert capsys.readouterr().err == ""

    def test_what_is_finished_says_nothing(self, clock: Clock, capsys: Output) -> None:
        with stage_line("rank", clock):
            list(progress(clock.lasting(1_000, [7]), "train", "task", 1))
        assert capsys.readouterr().err == ""

    def test_nested_loops_share_the_lines(self, clock: Clock, capsys: Output) -> None:
        with stage_line("rank", clock):
            for _ in progress([7], "train", "task"):
                for _ in progress(range(3), "choose the size", "part"):
                    for _ in progress(clock.lasting(1, range(50)), "LightGBM", "tree", 50):
                        pass
        assert capsys.readouterr().err.splitlines() == [
            "rank       train; choose the size, part 1 of 3; LightGBM, tree 31 of 50 [30 s so far]",
            "rank       train; choose the size, part 2 of 3; LightGBM, tree 11 of 50 [60 s so far]",
            "rank       train; choose the size, part 2 of 3; LightGBM, tree 41 of 50 [90 s so far]",
            "rank       train; choose the size, part 3 of 3; LightGBM, tree 21 of 50 [120 s so far]",
        ]

    def test_quick_loops_inside_a_slow_one(self, clock: Clock, capsys: Output) -> None:
        with stage_line("backtest", clock):
            for _ in progress(range(4), "score", "fold"):
                list(progress(clock.lasting(10, [7, 8]), "pairs", "fold", 2))
        assert capsys.readouterr().err.splitlines() == [
            "backtest   score, fold 2 of 4; pairs, fold 2 of 2 [30 s so far]",
            "backtest   score, fold 4 of 4 [60 s so far]",
        ]

    def test_outside_of_a_stage_and_of_unknown_length(
        self, clock: Clock, capsys: Output, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("forsys.progress.time.perf_counter", clock)
        list(progress(clock.lasting(25, iter([7, 8, 9])), "unpack articles.csv.gz", "block"))
        assert capsys.readouterr().err == (" " * 11 + "unpack articles.csv.gz, block 3 [50 s so far]\n")

    def test_a_stage_that_failed_leaves_nothing_behind(self, clock: Clock, capsys: Output) -> None:
        with pytest.raises(ValueError, match="a bug") as kept, stage_line("tune", clock):
            for _ in progress(range(3), "fusion", "round"):
                raise ValueError("a bug")
        with stage_line("tune", clock):
            list(progress(clock.lasting(30, range(2)), "candidates", "shard", 2))
        assert capsys.readouterr().err == "tune       candidates, shard 2 of 2 [30 s so far]\n"
        assert kept.traceback  # it keeps the loop that failed alive, as a notebook does

    def test_steps_of_a_library(self, clock: Clock, capsys: Output) -> None:
        with stage_line("retrieve", clock):
            callback = step_callback(3, "LMF", "iteration")
            for step in range(3):
                clock.now += 40
                callback(step, 40.0)
        assert capsys.readouterr().err.splitlines() == [
            "retrieve   LMF, iteration 2 of 3 [40 s so far]",
            "retrieve   LMF, iteration 3 of 3 [80 s so far]",
        ]

    def test_nothing_when_quiet(self, clock: Clock, capsys: Output) -> None:
        with quiet(), stage_line("retrieve", clock):
            assert list(progress(clock.lasting(1_000, range(3)), "candidates", "shard", 3)) == [0, 1, 2]
            step_callback(3, "LMF", "iteration")()
        assert capsys.readouterr() == ("", "")

    def test_nothing_where_standard_error_is_closed(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: Output
    ) -> None:
        monkeypatch.setattr(sys, "stderr", None)
        with stage_line("retrieve", clock):
            assert list(progress(clock.lasting(1_000, range(3)), "candidates", "shard", 3)) == [0, 1, 2]
        assert "so far" not in capsys.readouterr().out
