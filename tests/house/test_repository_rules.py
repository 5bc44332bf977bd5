"""Rules over many files, each proven on a small made-up repository."""

from __future__ import annotations

from tools.house import REPOSITORY_RULES
from tools.house.source import Finding, Source


def findings(rule: str, **files: str) -> list[Finding]:
    """Run one rule over files given as `path with __ for / and ___ for .`."""
    sources = [
        Source(name.replace("___", ".").replace("__", "/"), text) for name, text in files.items()
    ]
    found: list[Finding] = []
    for candidate in REPOSITORY_RULES:
        if candidate.name == rule:
            found += candidate.findings(sources)
    return found


def messages(rule: str, **files: str) -> list[str]:
    return [finding.message for finding in findings(rule, **files)]


class TestLinks:
    def test_a_link_to_a_missing_file_is_found(self) -> None:
        found = findings("links", docs__a___md="# A\n\n[b](b.md)\n")
        assert [(f.line, f.message) for f in found] == [(3, "the link to b.md leads nowhere")]

    def test_a_link_to_a_missing_heading_is_found(self) -> None:
        assert messages("links", docs__a___md="[b](b.md#no)", docs__b___md="# Yes\n") == [
            "docs/b.md has no heading #no"
        ]

    def test_good_links_are_not_found(self) -> None:
        text = "# The `Tick` path\n[x](#the-tick-path) [f](adr) [b](adr/b.md#b) [h](https://a.b)\n"
        assert messages("links", docs__a___md=text, docs__adr__b___md="# B\n") == []

    def test_code_is_not_prose(self) -> None:
        assert messages("links", docs__a___md="```\n[b](b.md)\n```\n") == []


class TestDocumentPaths:
    def test_a_path_that_is_gone_is_found(self) -> None:
        text = "see `platform/bus.py` and `docs/adr` and `src/optix/gone.py`"
        assert messages("document-path", docs__a___md=text, docs__adr__b___md="") == [
            "names src/optix/gone.py, which does not exist",
            "names src/optix/platform/bus.py, which does not exist",
        ]

    def test_a_path_that_exists_is_not_found(self) -> None:
        text = "see `platform/bus.py`, `src/optix/` and `kernel`"
        assert messages("document-path", docs__a___md=text, src__optix__platform__bus___py="") == []


LIMITS = "# how many\nA_MAX = 3\nB_MAX: int = 4\n"


class TestLimits:
    def test_a_limit_that_bounds_nothing_is_found(self) -> None:
        found = findings(
            "limit-used",
            src__optix__kernel__limits___py=LIMITS,
            src__optix__quant__a___py="x = limits.A_MAX\n",
        )
        assert [(f.line, f.message.split()[0]) for f in found] == [(3, "B_MAX")]

    def test_a_limit_that_no_test_reaches_is_found(self) -> None:
        found = findings(
            "limit-tested",
            src__optix__kernel__limits___py=LIMITS,
            src__optix__quant__a___py="x = limits.A_MAX + limits.B_MAX\n",
            tests__quant__test_a___py="from optix.kernel.limits import B_MAX\n",
        )
        assert [(f.line, f.message.split()[3]) for f in found] == [(2, "A_MAX:")]

    def test_a_limit_is_excused_with_a_reason(self) -> None:
        text = "A_SECONDS = 3  # house: allow(limit-tested) because it paces, it bounds nothing\n"
        assert findings("limit-tested", src__optix__kernel__limits___py=text) == []

    def test_a_name_in_a_comment_reaches_nothing(self) -> None:
        files = {"src__optix__kernel__limits___py": "A_MAX = 3\n"}
        assert findings("limit-used", **files, src__optix__a___py="# A_MAX\n")
        assert not findings("limit-used", **files, src__optix__a___py="x = limits.A_MAX\n")


BUS = 'UPDATES: Final = "md.updates"\nCHAIN = "md.chain."\nVERSION = "1.0"\nWORD = "plain"\n'
MODELS = 'class User(Base):\n    __tablename__ = "user_account"\n'
OWNED = (
    "| name | writer |\n|---|---|\n| `md.updates` | feed |\n| `md.chain.<underlying>` | feed |\n"
)


class TestOwners:
    def files(self, owners: str) -> dict[str, str]:
        return {
            "docs__data-owners___md": owners,
            "src__optix__platform__bus___py": BUS,
            "src__optix__features__identity__models___py": MODELS,
        }

    def test_a_complete_list_is_not_found(self) -> None:
        assert findings("owners", **self.files(OWNED + "| `user_account` | api |\n")) == []

    def test_a_table_without_an_owner_is_found_where_it_is_declared(self) -> None:
        (found,) = findings("owners", **self.files(OWNED))
        assert (found.path, found.line) == ("src/optix/features/identity/models.py", 2)

    def test_a_key_without_an_owner_is_found(self) -> None:
        owners = OWNED.replace("| `md.updates` | feed |\n", "") + "| `user_account` | api |\n"
        (found,) = findings("owners", **self.files(owners))
        assert found.message.startswith("'md.updates' has no owner")

    def test_two_lines_for_one_name_are_found(self) -> None:
        owners = OWNED + "| `user_account` | api |\n| `user_account` | worker |\n"
        (found,) = findings("owners", **self.files(owners))
        assert "listed twice" in found.message

    def test_a_name_that_is_gone_is_found(self) -> None:
        owners = OWNED + "| `user_account` | api |\n| `orphan` | api |\n"
        (found,) = findings("owners", **self.files(owners))
        assert (found.path, found.line) == ("docs/data-owners.md", 6)

    def test_a_table_of_a_migration_needs_an_owner_too(self) -> None:
        migration = 'op.create_table("job", sa.Column("id"))\n'
        files = self.files(OWNED + "| `user_account` | api |\n")
        (found,) = findings("owners", **files, migrations__versions__1___py=migration)
        assert found.message.startswith("'job' has no owner")

    def test_a_key_that_a_feature_makes_needs_an_owner(self) -> None:
        files = self.files(OWNED + "| `user_account` | api |\n")
        text = 'key = f"identity:login_failures:{digest}"\n'
        (found,) = findings("owners", **files, src__optix__features__identity__a___py=text)
        assert found.message.startswith("'identity:login_failures:' has no owner")

    def test_a_missing_list_is_found(self) -> None:
        assert messages("owners", src__optix__platform__bus___py=BUS) == [
            "the list of owners is missing"
        ]


def revision(name: str, parent: str | None) -> str:
    return f"revision: str = {name!r}\ndown_revision: str | None = {parent!r}\n"


class TestMigrations:
    def test_one_line_is_not_found(self) -> None:
        assert (
            findings(
                "migrations",
                migrations__versions__1___py=revision("1", None),
                migrations__versions__2___py=revision("2", "1"),
            )
            == []
        )

    def test_a_fork_is_found(self) -> None:
        found = messages(
            "migrations",
            migrations__versions__1___py=revision("1", None),
            migrations__versions__2___py=revision("2", "1"),
            migrations__versions__3___py=revision("3", "1"),
        )
        assert found == ["migrations/versions/2.py follows 1 too: rebase this one on it"]

    def test_a_file_without_a_revision_is_found(self) -> None:
        assert messages("migrations", migrations__versions__1___py="x = 1\n") == [
            "names no revision and down_revision"
        ]


def test_every_rule_is_proven_here() -> None:
    assert {rule.name for rule in REPOSITORY_RULES} == {
        "links",
        "document-path",
        "limit-used",
        "limit-tested",
        "owners",
        "migrations",
    }
