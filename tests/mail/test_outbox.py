"""Mail as files."""

from pathlib import Path

import pytest

from agentflow_tui.errors import SettingsError
from agentflow_tui.mail.answers import Verdict
from agentflow_tui.mail.configuration import transport_from
from agentflow_tui.mail.outbox import OutboxTransport
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.settings import Settings
from tests.mail.sending import send_all

from .samples import envelope, parsed


async def test_each_mail_becomes_one_whole_file_also_when_sent_again(tmp_path: Path) -> None:
    outbox = OutboxTransport(tmp_path / "new" / "outbox")
    sent = [envelope("bob@acme.test", "boss@acme.test", number=n) for n in range(3)]
    for _ in range(2):
        results = await send_all(outbox, sent)
        assert [result.verdict for result in results] == [Verdict.DELIVERED] * 3
    files = sorted((tmp_path / "new" / "outbox").iterdir())
    assert [file.name for file in files] == ["mail-0.eml", "mail-1.eml", "mail-2.eml"]
    content = files[1].read_bytes()
    assert content.endswith(sent[1].message)
    message = parsed(content)
    assert message.get_all("X-Envelope-To") == ["<bob@acme.test>", "<boss@acme.test>"]
    assert message["Message-ID"] == "<mail-1@acme.test>"


@pytest.mark.parametrize("mail_id", ["../../escape", "a/b", "", "x" * 300, "a\0b"])
async def test_no_id_leads_out_of_the_folder(tmp_path: Path, mail_id: str) -> None:
    import dataclasses

    outbox = OutboxTransport(tmp_path / "outbox")
    result = await outbox.send(dataclasses.replace(envelope(), id=mail_id))
    assert result.verdict is Verdict.DELIVERED
    assert len(list((tmp_path / "outbox").iterdir())) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "outbox"]


async def test_a_folder_that_cannot_be_written_costs_no_attempt(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outbox = OutboxTransport(tmp_path / "file")
    result = await outbox.send(envelope())
    assert (result.verdict, result.costs_attempt) == (Verdict.RELAY_DOWN, False)
    assert "cannot be written" in outbox.state.sentence
    assert not outbox.state.up


def test_the_environment_chooses_the_transport(tmp_path: Path) -> None:
    environ = {"AGENTFLOW_OUTBOX": str(tmp_path), "SMTP_URL": "smtp://relay.test"}
    outbox, _ = transport_from(Settings(environ=environ))
    assert isinstance(outbox, OutboxTransport)
    smtp, _ = transport_from(Settings(environ={"SMTP_URL": "smtp://relay.test?from=a@acme.test"}))
    assert isinstance(smtp, SmtpTransport)
    with pytest.raises(SettingsError, match="no relay is configured"):
        transport_from(Settings())
