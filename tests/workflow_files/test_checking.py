"""Each mistake of a workflow's or schedule's file is found without a database, with its place."""

from importlib.metadata import EntryPoint

import pytest

from agentflow_tui.steps.registry import load
from agentflow_tui.workflow_files.checking import CheckedFile, check_file

HEAD = """\
name: Morning stock
context:
  dealer: north
  site: {url: https://example.com, pages: [a, b]}
steps:
  - id: fetch
    type: api
    config: {url: "{{context.site.url}}/stock?dealer={{context.dealer}}"}
"""
"""Eight lines without a mistake."""


def check(text: str, name: str = "x.yaml", zone: str = "UTC") -> CheckedFile:
    return check_file(text.encode(), name, zone, registry=load([]))


@pytest.mark.parametrize(
    ("more", "line", "path", "said"),
    [
        ("usr: ann", 9, "usr", "a workflow has no member 'usr'. Did you mean userId?"),
        ("userId: 5", 9, "userId", "must be text; numbers stand in quotes, not a number"),
        ("cron: 61 * * * *", 9, "cron", "the minute '61' is not between 0 and 59"),
        ("cron: 0 0 30 2 *", 9, "cron", "it never fires"),
        ("cron: 5", 9, "cron", "must be text; numbers stand in quotes"),
        ("cron: 0 7 * * *\ntimeZone: Mars/Base", 10, "timeZone", "no time zone called 'Mars/Base'"),
        ("cron: 0 7 * * *\ntimeZone: Asia/Tokyo", 10, "timeZone", "read cron expressions in UTC"),
        ("timeZone: UTC", 9, "timeZone", "is for a cron expression: add cron"),
        ("  - {id: fetch, type: delay, config: {seconds: 1}}", 9, "steps[1].id", "the same id"),
        ("  - {id: _run, type: delay, config: {seconds: 1}}", 9, "steps[1].id", "runner's own"),
        ("  - {id: dealer, type: delay, config: {seconds: 1}}", 9, "steps[1].id", "rename one"),
        ("  - {id: name, type: delay, config: {seconds: 1}}", 9, "steps[1].id", "rename one"),
        ("  - {id: b, type: emial}", 9, "steps[1].type", "type 'emial'. Did you mean email?"),
        ("  - {id: b}", 9, "steps[1]", "the step has no type"),
        ("  - 5", 9, "steps[1]", "the step is a number, not an object"),
        ("  - id: b\n    type: delay\n    config: {seconds: 1}\n    timeuot: 5", 12,
         "steps[1].timeuot", "no member 'timeuot'. Did you mean timeout?"),
        ("  - id: b\n    type: delay\n    maxRetries: 1.5\n    config: {seconds: 1}", 11,
         "steps[1].maxRetries", "must be a whole number from 0 on"),
        ("  - id: b\n    type: delay\n    config: {seconds: 1}\n    timeout: soon", 12,
         "steps[1].timeout", "timeout must be a number, not 'soon'"),
        ("  - id: b\n    type: delay\n    config: {seconds: 1}\n    when: 'a b'", 12,
         "steps[1].when", "is not an expression: mistake at column 3"),
        ("  - id: b\n    type: delay\n    config: [1]", 11, "steps[1].config", "a list, not an"),
        ("  - id: b\n    type: api\n    config:\n      ulr: x", 12, "steps[1].config.ulr",
         "Did you mean url?"),
        ("  - id: b\n    type: api\n    config:\n      method: GET", 11, "steps[1].config",
         "config.url is missing"),
        ("  - id: b\n    type: api\n    config:\n      url: ftp://x", 11, "steps[1].config",
         "url must begin with http:// or https://"),
        (("  - id: b\n    type: dataProcessing\n    config:\n      source: steps.fetch.body\n"
         "      operations:\n        - sort: {by: 'x['}"), 14,
         "steps[1].config.operations[0].sort.by", "is not an expression"),
        (("  - id: b\n    type: condition\n    config:\n      expression: steps.fetch.body\n"
         "      then: fetsh"), 13, "steps[1].config.then", "to go to. Did you mean fetch?"),
        ("  - id: b\n    type: custom\n    config:\n      function: score", 12,
         "steps[1].config.function", "no function is registered as 'score'"),
        (("  - id: b\n    type: api\n    config:\n      url: '{{steps.later.url}}'\n"
         "  - {id: later, type: delay, config: {seconds: 1}}"), 12, "steps[1].config.url",
         "step 'later' comes later: move it in front of this one"),
        ("  - id: b\n    type: api\n    config:\n      url: 'https://x/{{steps.b.status}}'", 12,
         "steps[1].config.url", "the step has no result before it has run"),
        ("  - id: b\n    type: api\n    config:\n      url: '{{steps.fetsh.body}}'", 12,
         "steps[1].config.url", "there is no step 'fetsh'. Did you mean fetch?"),
        ("  - id: b\n    type: api\n    config:\n      url: '{{steps.fetch.bdoy.x}}'", 12,
         "steps[1].config.url", "the result of 'fetch' has no 'bdoy'. Did you mean body?"),
        ("  - id: b\n    type: api\n    config:\n      url: '{{context.deeler}}'", 12,
         "steps[1].config.url", "the context has no 'deeler'. Did you mean dealer?"),
        ("  - id: b\n    type: api\n    config:\n      url: '{{context.site.url.host}}'", 12,
         "steps[1].config.url", "'url' is text and has no 'host'"),
        ("  - id: b\n    type: api\n    config:\n      url: '{{context.site.pages[2]}}'", 12,
         "steps[1].config.url", "'pages' has 2 entries and no '2'"),
        (("  - id: b\n    type: api\n    config:\n      url: x\n      headers:\n"
         "        '{{step.a}}': x"), 14, "steps[1].config.headers.{{step.a}}",
         "must begin with 'steps.' or 'context.'. Did you mean steps?"),
        ("  - id: b\n    type: api\n    config:\n      url: 'https://x/{{a b}}'", 12,
         "steps[1].config.url", "it is no reference"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_where_it_stands(more: str, line: int, path: str, said: str) -> None:
    assert check(HEAD).mistakes == ()
    found = [each for each in check(HEAD + more + "\n").mistakes if said in each.message]
    assert [(each.line, each.path) for each in found] == [(line, path)], check(HEAD + more).mistakes


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("- a", "", "the file holds a list and not the members of a workflow"),
        ("name: x", "", "a workflow needs at least one step"),
        ("name: x\nsteps: []", "steps", "a workflow needs at least one step"),
        ("steps: {a: 1}", "steps", "steps must be a list of steps, not an object"),
        ("context: [1]\nsteps: 5", "context", "context must be an object, not a list"),
        ("name: a\ncontext: {name: b}\nsteps: [{type: delay, config: {seconds: 1}}]",
         "context.name", "the name stands in the context, too"),
        ("workflowId: a", "", "cron is missing"),
        ("cron: 0 7 * * *", "", "workflowId is missing"),
        ("cron: 0 7 * * *\nworkflowId: a\nactive: 1", "active", "must be true or false, not a nu"),
        ("cron: 0 7 * * *\nworkflow: a", "workflow", "Did you mean workflowId?"),
    ],
)  # fmt: skip
def test_a_document_of_another_shape_is_told_what_is_wanted(
    text: str, path: str, said: str
) -> None:
    found = [each for each in check(text).mistakes if said in each.message]
    assert [each.path for each in found] == [path], check(text).mistakes


def test_every_mistake_is_said_and_not_the_first_alone() -> None:
    text = HEAD + "  - {id: b, type: api, config: {ulr: x, timeout: soon, expect: 2.5}}\nusr: x\n"
    assert [each.path for each in check(text).mistakes] == [
        "steps[1].config",
        "steps[1].config.ulr",
        "steps[1].config.timeout",
        "steps[1].config.expect",
        "usr",
    ]


def test_a_reference_back_through_a_loop_is_right() -> None:
    loop = """
  - {id: wait, type: delay, when: steps.look, config: {until: "{{steps.look.headers.at}}"}}
  - {id: look, type: api, config: {url: "https://x/{{steps.wait.until}}"}}
  - {id: again, type: condition, config: {expression: "steps.look.status == `202`", then: wait}}
"""
    checked = check(HEAD + loop)
    assert checked.mistakes == ()
    assert [(each.path, each.line) for each in checked.remarks] == [("steps[2].config.url", 11)]
    assert "step 'wait' may be skipped" in checked.remarks[0].message


def test_a_secret_of_the_vault_may_be_named() -> None:
    mailbox = '{vendors: "*", url: "imaps://x", password: "{{credentials.mailbox.password}}"}'
    mail = HEAD + "  - {id: mail, type: emailIngestion, config: %s}"
    assert check(mail % mailbox).mistakes == ()
    [mistake] = check(mail % mailbox.replace(".mailbox.password", "")).mistakes
    assert "must begin with 'steps.'" in mistake.message


def test_rules_of_vendors_are_checked() -> None:
    mail = HEAD + "  - {id: mail, type: emailIngestion, config: {vendors: [%s]}}"
    assert check(mail % '{vendor: x, sender: "@x.test"}').mistakes == ()
    [mistake] = check(mail % '{vendor: x, sender: "Ann <a@x.test>"}').mistakes
    assert mistake.path == "steps[1].config.vendors[0]"
    assert "sender must name addresses" in mistake.message


def test_steps_of_agentflows_own_backend_are_no_mistake() -> None:
    [remark] = check(HEAD + "  - {id: b, type: emailIngestion, config: {platform: x}}").remarks
    assert remark.path == "steps[1].type"
    assert "waits for AgentFlow's own backend" in remark.message
    [remark] = check(HEAD + "  - {id: b, type: browserAction, config: {platform: x}}").remarks
    assert remark.path == "steps[1].type"
    assert "no worker here takes this step" in remark.message


def test_a_step_type_that_cannot_be_loaded_says_why() -> None:
    broken = load([EntryPoint("score", "no_such_module:score", "agentflow_tui.steps")])
    text = HEAD + "  - {id: b, type: score}"
    [mistake] = check_file(text.encode(), "", "UTC", registry=broken).mistakes
    assert "steps of type 'score' cannot be run: ModuleNotFoundError" in mistake.message
