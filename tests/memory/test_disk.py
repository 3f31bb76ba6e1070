"""The disk tier: what it finds again, and what several servers share."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.memory.blocks import BLOCK
from pippin.memory.index import Run
from tests.memory.stored import (
    FINGERPRINT,
    LONG,
    OTHER_FINGERPRINT,
    covered,
    damage,
    files,
    open_tier,
    read,
    same,
    stored,
    text,
    three_runs,
    tier,
    wait_until_cleared,
    wait_until_written,
    written,
)


def test_what_was_written_is_read_after_a_restart(tmp_path: Path) -> None:
    runs = three_runs()
    written(tmp_path, *runs)
    with open_tier(tmp_path) as disk:
        found = read(disk, LONG)
        assert [same(*pair) for pair in zip(found, runs, strict=True)] == [True] * 3
        assert disk.figures["disk_records"] == 3
        assert disk.figures["disk_bytes"] == sum(file.stat().st_size for file in files(tmp_path))


def test_what_was_written_is_read_at_once(tmp_path: Path) -> None:
    with open_tier(tmp_path) as disk:
        assert read(disk, LONG) == []
        assert disk.write(three_runs()[0])
        wait_until_written(disk)
        assert covered(read(disk, LONG), LONG) == 100


def test_runs_that_are_held_in_ram_are_left_out(tmp_path: Path) -> None:
    written(tmp_path, *three_runs())
    with open_tier(tmp_path) as disk:
        assert [run.start for run in read(disk, LONG, held=0)] == [0, 96, 192]
        assert [run.start for run in read(disk, LONG, held=100)] == [96, 192]
        assert [run.start for run in read(disk, LONG, held=96)] == [96, 192]
        assert [run.start for run in read(disk, LONG, held=191)] == [96, 192]
        assert [run.start for run in read(disk, LONG, held=192)] == [192]
        assert [run.start for run in read(disk, LONG, held=299)] == [192]
        assert read(disk, LONG, held=300) == []
        assert [run.start for run in read(disk, LONG, limit=150)] == [0, 96]
        assert read(disk, LONG, limit=100, held=100) == []
        assert read(disk, LONG, limit=0) == []


def test_a_prompt_that_parts_gets_the_common_beginning(tmp_path: Path) -> None:
    written(tmp_path, *three_runs())
    other = np.concatenate([LONG[:150], text((9, 100))])
    with open_tier(tmp_path) as disk:
        assert covered(read(disk, other), other) == 150
        assert read(disk, text((9, 100))) == []


def test_covers_says_what_a_read_would_bring(tmp_path: Path) -> None:
    written(tmp_path, *three_runs())
    unstarted = tier(tmp_path)
    keys = stored(LONG).keys
    assert unstarted.covers(LONG, keys, 299) == 299  # nobody knows yet: worth a read
    with open_tier(tmp_path) as disk:
        read(disk, LONG)
        assert disk.covers(LONG, keys, 299) == 299
        assert disk.covers(LONG[:150], keys[:5], 150) == 150
        other = text((9, 100))
        assert disk.covers(other, stored(other).keys, 100) == 0


def test_only_ends_with_a_state_are_found_where_one_is_needed(tmp_path: Path) -> None:
    first, second, third = three_runs()
    second = stored(LONG[:200], 96, state=True)
    written(tmp_path, first, second, third, needs_state=True)
    with open_tier(tmp_path, needs_state=True) as disk:
        assert [run.end for run in read(disk, LONG)] == [100, 200]
        assert read(disk, LONG)[-1].has_state
        assert read(disk, LONG, limit=199) == []
        assert read(disk, LONG[:150]) == []
        assert read(disk, LONG, held=200) == []


def test_a_run_whose_beginning_comes_later_is_found_then(tmp_path: Path) -> None:
    first, second, third = three_runs()
    with open_tier(tmp_path) as disk:
        for run in (third, second):
            disk.write(run)
        wait_until_written(disk)
        assert read(disk, LONG) == []
        disk.write(first)
        wait_until_written(disk)
        assert len(read(disk, LONG)) == 3


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    first, *_ = three_runs()
    with open_tier(tmp_path) as disk:
        assert disk.wants(first)
        assert disk.write(first)
        assert not disk.wants(first)
        assert not disk.write(first)
        wait_until_written(disk)
        assert not disk.wants(first)
        assert not disk.write(first)
        assert disk.figures["dropped_writes"] == 0
    assert disk.figures["written_bytes"] == files(tmp_path)[0].stat().st_size
    with open_tier(tmp_path) as disk:
        read(disk, LONG)
        assert not disk.wants(first)
        assert disk.wants(stored(LONG[:100], state=True))


def test_a_run_of_the_index_can_be_asked_about(tmp_path: Path) -> None:
    first, *_ = three_runs()
    with open_tier(tmp_path) as disk:
        assert disk.wants(Run(first.start, first.tokens, first.keys, first, first.has_state))


def test_two_servers_share_a_folder(tmp_path: Path) -> None:
    first, second, third = three_runs()
    with open_tier(tmp_path) as one, open_tier(tmp_path) as two:
        one.write(first)
        wait_until_written(one)
        assert covered(read(two, LONG), LONG) == 100
        two.write(second)
        wait_until_written(two)
        one.write(third)
        wait_until_written(one)
        assert len(read(one, LONG)) == len(read(two, LONG)) == 3
        two.write(first)  # it is known from the other: not written again
        assert two.figures["written_bytes"] < one.figures["written_bytes"]
        one.clear()
        assert read(one, LONG) == []
        wait_until_cleared(one)
        assert read(two, LONG) == []
    assert one.figures["bad_records"] == two.figures["bad_records"] == 0


def test_a_record_in_another_models_folder_is_not_used(tmp_path: Path) -> None:
    written(tmp_path, stored(LONG), fingerprint=OTHER_FINGERPRINT)
    (file,) = files(tmp_path)
    home = tmp_path / "prompts" / FINGERPRINT.hex()[:16]
    home.mkdir()
    file.rename(home / file.name)
    with open_tier(tmp_path) as disk:
        assert read(disk, LONG) == []
        assert disk.figures["bad_records"] == 1
    assert files(tmp_path) == []


TREE = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 4 * BLOCK), st.booleans()), min_size=1, max_size=8
)


@settings(max_examples=25, deadline=None)
@given(tree=TREE, needs_state=st.booleans(), data=st.data())
def test_whatever_is_on_the_disk_is_right(
    tmp_path_factory: pytest.TempPathFactory,
    tree: list[tuple[int, int, bool]],
    needs_state: bool,
    data: st.DataObject,
) -> None:
    """Branching texts, written in any order, some gone and some damaged: what is found covers
    what it says with what is right."""
    cache = tmp_path_factory.mktemp("cache")
    texts = [text((0, 1))]
    runs = []
    for parent, length, state in tree:
        before = texts[parent % len(texts)]
        start = len(before) // BLOCK * BLOCK
        texts.append(np.concatenate([before, text((len(texts), length))]))
        runs.append(stored(texts[-1], start, state=state))
    with open_tier(cache, needs_state=needs_state) as disk:
        for run in data.draw(st.permutations(runs)):
            disk.write(run)
    is_whole = True
    for file in files(cache):
        harm = data.draw(st.sampled_from(["none", "none", "gone", "damaged"]))
        is_whole = is_whole and harm == "none"
        if harm == "gone":
            file.unlink()
        elif harm == "damaged":
            damage(file, data.draw(st.integers(0, file.stat().st_size - 1)))
    with open_tier(cache, needs_state=needs_state) as disk:
        for tokens in texts[1:]:
            found = read(disk, tokens)
            end = covered(found, tokens)
            assert end == len(tokens) or needs_state or not is_whole
            if needs_state and found:
                assert found[-1].has_state
                assert found[-1].end == end
            assert read(disk, tokens, held=end) == []
