"""The command of the load generator: what it says, and what it never takes."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.fakes.scripted_gateway import ScriptedStream, scripted_stream

from optix.cli import main
from optix.kernel.errors import InvalidInput
from optix.processes.stream_load_command import TOKEN_VARIABLE, parse_chain, read_tokens

pytest.importorskip("optix.platform.fanout._load", reason="not compiled here")


async def run(stream: ScriptedStream, *options: str, **variables: str) -> Result:
    async with scripted_stream(stream):
        arguments = ["stream-load", stream.url, "--seconds", "1.5", *options]
        return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=variables)


class TestCommand:
    async def test_tokens_of_a_file_go_round_and_the_result_is_one_json_object(
        self, tmp_path: Path
    ) -> None:
        tokens = tmp_path / "tokens"
        tokens.write_text("one\ntwo\n")
        stream = ScriptedStream()
        result = await run(
            stream,
            *("--connections", "4", "--symbols", "SPY,QQQ,IWM", "--pick", "2"),
            *("--token-file", str(tokens), "--format", "binary", "--json"),
        )
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout.splitlines()[-1])
        assert (found["connected"], found["snapshots"]) == (4, 4)
        said = [each for each in stream.said if each["op"] == "auth"]
        assert sorted(each["token"] for each in said) == ["one", "one", "two", "two"]
        followed = [each["quotes"] for each in stream.said if each["op"] == "subscribe"]
        assert all(len(set(each)) == 2 for each in followed)

    async def test_a_chain_is_followed_and_people_read_lines(self) -> None:
        stream = ScriptedStream()
        result = await run(
            stream,
            *("--connections", "1", "--chain", "SPY:2026-12-18:20"),
            **{TOKEN_VARIABLE: "secret-word"},
        )
        assert result.exit_code == 0, result.output
        assert "connected            1" in result.stdout
        assert "secret-word" not in result.output
        wanted = [each for each in stream.said if each["op"] == "subscribe"]
        assert [each["chain"] for each in wanted] == [
            {"underlying": "SPY", "expiration": "2026-12-18", "strikes": {"around": 20}}
        ]

    async def test_a_run_that_was_stopped_says_why_and_fails(self) -> None:
        stream = ScriptedStream(refuse_with=HTTPStatus.SERVICE_UNAVAILABLE)
        result = await run(
            stream, "--connections", "2", "--symbols", "SPY", **{TOKEN_VARIABLE: "t"}
        )
        assert result.exit_code == 1
        assert "http 503 2" in result.stdout
        assert "2 of 2 connections were refused" in result.stdout

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            (["ws://127.0.0.1/ws/quotes", "--symbols", "SPY"], "no access token"),
            (["ws://127.0.0.1/ws/quotes"], "no access token"),
            (["ws://192.0.2.7/ws/quotes", "--symbols", "SPY"], "not this machine"),
            (["wss://127.0.0.1/", "--symbols", "SPY"], "without TLS"),
        ],
    )
    def test_what_cannot_be_done_is_said_before_anything_is(
        self, options: list[str], named: str
    ) -> None:
        result = CliRunner().invoke(main, ["stream-load", *options], env={TOKEN_VARIABLE: ""})
        assert result.exit_code in (1, 2)
        assert named in result.stderr

    def test_nothing_to_follow_is_said(self) -> None:
        result = CliRunner().invoke(
            main, ["stream-load", "ws://127.0.0.1/ws/quotes"], env={TOKEN_VARIABLE: "t"}
        )
        assert result.exit_code == 2
        assert "nothing that the connections could follow" in result.stderr

    def test_there_is_no_option_that_takes_a_token(self) -> None:
        result = CliRunner().invoke(main, ["stream-load", "--help"])
        assert "--token-file" in result.stdout
        assert "--token " not in result.stdout


class TestWords:
    @pytest.mark.parametrize("text", ["SPY", "SPY:", ":2026-12-18", "SPY:2026-12-18:near"])
    def test_a_malformed_chain_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput):
            parse_chain(text)

    def test_tokens_of_the_variable_are_separated_by_commas(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(TOKEN_VARIABLE, "a, b")
        assert read_tokens(None) == ["a", "b"]
