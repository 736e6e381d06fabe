"""Completions from a real table, against a look at every value."""

import random
from collections import Counter
from uuid import UUID, uuid4

import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.postgres.queries import Query
from sagwan_search.domain.near_names import nearest_words, word_halves
from sagwan_search.domain.suggestions import Suggestion
from sagwan_search.suggesting import Suggesting
from sagwan_text.completion import completion_keys, prefix_ranges

pytestmark = pytest.mark.integration

MEETINGS = [
    {
        "title": "2026 예산 심의",
        "tag": ["예산", "Budget-Q3"],
        "speaker": ["위원장 한기섭"] * 5 + ["김철수"] * 3 + ["Kim Min"],
    },
    {"title": "Budget review of the budget", "tag": ["예산"], "speaker": ["김첨지", "KIM  MIN", "KIM  MIN"]},
    {"title": "Weekly", "tag": [], "speaker": ["김철수"] * 2 + ["기민수", "Budi"]},
    {"title": "Weekly", "tag": [], "speaker": [""]},
]


def soon() -> Deadline:
    return Deadline.after(30)


async def write(owner, *meetings) -> UUID:
    """A tenant with completions as ingest writes them."""
    tenant_id = uuid4()
    await owner.execute("INSERT INTO tenants (tenant_id, name) VALUES ($1, $2)", tenant_id, str(tenant_id))
    rows = []
    for number, meeting in enumerate(meetings):
        meeting_key = await owner.fetchval(
            """
            INSERT INTO meetings (tenant_id, meeting_id, title, language, series, participants, tags, source,
                attributes, content_sha256, utterance_count, chunk_count)
            VALUES ($1, $2, '', '', '', '{}', '{}', '', '{}', '', 0, 0) RETURNING meeting_key
            """,
            tenant_id,
            str(number),
        )
        counted = [("title", meeting["title"], 1), *(("tag", tag, 1) for tag in meeting["tag"])]
        counted += [("speaker", name, turns) for name, turns in Counter(meeting["speaker"]).items()]
        keyed = [
            (kind, key, word, value, count)
            for kind, value, count in counted
            for key, word in completion_keys(value).items()
        ]
        rows += [(tenant_id, meeting_key, ordinal, *each) for ordinal, each in enumerate(keyed)]
    columns = ["tenant_id", "meeting_key", "ordinal", "property", "key", "word", "value", "occurrences"]
    await owner.copy_records_to_table("completions", columns=columns, records=rows)
    return tenant_id


@pytest.fixture
def suggest(store):
    async def call(tenant_id: UUID, prefix: str, count_max: int = 10) -> list[Suggestion]:
        return await Suggesting(store).suggest(tenant_id, prefix, count_max, soon())

    return call


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("김", ["김철수", "김첨지"]),
        ("김ㅊ", ["김철수", "김첨지"]),
        ("김철", ["김철수"]),
        ("기", ["김철수", "기민수", "김첨지"]),
        ("한기", ["위원장 한기섭"]),
        ("kimm", ["KIM  MIN"]),
        ("min", ["KIM  MIN"]),
        ("BUD", ["Budget review of the budget", "Budget-Q3", "Budi"]),
        ("예", ["예산", "2026 예산 심의"]),
        ("wee", ["Weekly"]),
        ("of the b", ["Budget review of the budget"]),
        ("udget", []),
        ("(", []),
        ("x" * 100, []),
    ],
)
async def test_a_prefix_is_completed_by_the_most_frequent_values_first(owner, suggest, prefix, expected):
    tenant_id = await write(owner, *MEETINGS)
    assert [each.value for each in await suggest(tenant_id, prefix)] == expected


async def test_values_are_counted_over_meetings_and_spellings_and_once_where_two_words_match(owner, suggest):
    tenant_id = await write(owner, *MEETINGS)
    assert await suggest(tenant_id, "kim") == [Suggestion("speaker", "KIM  MIN", 3)]
    assert await suggest(tenant_id, "weekly") == [Suggestion("title", "Weekly", 2)]
    assert [each.occurrences for each in await suggest(tenant_id, "budget review")] == [1]
    (first, *_) = await suggest(tenant_id, "bud")
    assert first == Suggestion("title", "Budget review of the budget", 1)


async def test_no_more_are_given_than_asked_for(owner, suggest):
    tenant_id = await write(owner, *MEETINGS)
    assert [each.value for each in await suggest(tenant_id, "기", 2)] == ["김철수", "기민수"]


async def test_another_tenants_values_are_not_suggested(owner, suggest):
    await write(owner, *MEETINGS)
    assert await suggest(await write(owner), "김") == []


class TestManyWords:
    @pytest.fixture
    async def tenant_id(self, owner) -> UUID:
        """Six thousand speakers, whose names begin with one of a hundred syllables."""
        names = [f"{chr(0xAC00 + 28 * (number % 100))}{number:04d}" for number in range(6_000)]
        random.Random(5).shuffle(names)
        meetings = [{"title": "", "tag": [], "speaker": names[at : at + 100]} for at in range(0, 6_000, 100)]
        await write(owner, *MEETINGS)
        tenant_id = await write(owner, *meetings)
        await owner.execute("ANALYZE completions")
        return tenant_id

    @pytest.mark.parametrize("prefix", ["가", "가00", "ㄱ", "없는"])
    async def test_only_the_part_of_the_index_that_begins_with_the_prefix_is_read(
        self, tenant_id, open_pool, queries, prefix
    ):
        database = await open_pool()
        (low, high), (other_low, other_high) = (*prefix_ranges(prefix), (None, None))[:2]
        explain = Query("plan", f"EXPLAIN {queries['completions'].sql}")
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            rows = await session.fetch(explain, low, high, other_low, other_high, 100, 30)
        plan = "\n".join(row[0] for row in rows)
        assert "completions_by_key" in plan
        assert "Seq Scan" not in plan
        conditions = [line for line in plan.splitlines() if "Index Cond" in line]
        assert len(conditions) == (2 if other_low else 1)
        for each in conditions:
            assert "tenant_id" in each
            assert "key >=" in each
            assert "key <" in each

    async def test_no_more_words_are_read_than_allowed(self, tenant_id, store):
        limits = {"values_max": 1_000, "deadline": soon()}
        found = await store.completions(tenant_id, prefix_ranges("ㄱ"), words_max=50, **limits)
        assert [each.value for each in found] == [f"가{number:04d}" for number in range(0, 5_000, 100)]
        assert len(await store.completions(tenant_id, prefix_ranges("ㄱ"), words_max=5_000, **limits)) == 1_000


class TestNearNames:
    @pytest.fixture
    def near(self, store):
        async def call(tenant_id: UUID, *words: str) -> list[str]:
            async with store.look(tenant_id, soon()) as session:
                return [each.value for each in await session.names_near(*word_halves(words))]

        return call

    async def test_names_with_a_word_an_edit_or_two_away_are_among_them(self, owner, near):
        tenant_id = await write(owner, *MEETINGS)
        assert await near(tenant_id, "한기습") == ["위원장 한기섭"]
        found = await near(tenant_id, "김출수", "revuew")
        assert nearest_words("김출수", found) == ["김철수"]
        assert nearest_words("revuew", found) == ["review"]
        assert await near(tenant_id, "zebra") == []

    async def test_another_tenants_are_not(self, owner, near):
        await write(owner, *MEETINGS)
        assert await near(await write(owner), "김출수") == []

    async def test_whole_values_are_known_by_their_keys(self, owner, store):
        tenant_id = await write(owner, *MEETINGS)
        async with store.look(tenant_id, soon()) as session:
            found = await session.names_of(["kimmin", "예산", "nobody"])
        assert {each.value for each in found} == {"KIM  MIN", "Kim Min", "예산"}

    @pytest.mark.parametrize("words", [["김출수"], ["Christofer", "Harorw", "남궁만지가"]])
    async def test_both_halves_reach_an_index(self, owner, open_pool, queries, words):
        names = [f"{chr(0xAC00 + 28 * (number % 399))}{chr(0xB098 + number // 399)}수" for number in range(6_000)]
        meetings = [{"title": "", "tag": [], "speaker": names[at : at + 100]} for at in range(0, 6_000, 100)]
        tenant_id = await write(owner, *meetings)
        await owner.execute("ANALYZE completions")
        database = await open_pool()
        explain = Query("plan", f"EXPLAIN {queries['names_near'].sql}")
        async with database.tenant(tenant_id, soon(), read_only=True) as session:
            plan = "\n".join(row[0] for row in await session.fetch(explain, *word_halves(words), 5_000, 500))
        assert "completions_by_head" in plan
        assert "completions_by_tail" in plan
        assert "Seq Scan" not in plan
