"""The page of a batch, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from typer.testing import CliRunner

from thinkimg_agent.trajectory_file import TRAJECTORIES
from thinkimg_rpc.errors import OutOfRange
from thinkimg_train.chat import chat_of
from thinkimg_train.cli.train import train
from thinkimg_train.config import ModelSection, SftConfig
from thinkimg_train.data_config import BatchSection, DataSection
from thinkimg_train.dataset import open_dataset
from thinkimg_train.inspect import view_of_batch, write_page
from thinkimg_train.inspect.batch import inspect_batch
from thinkimg_train.loader import StepLoader

from ...workers.tiny_checkpoints import save_qwen_vl
from ..recorded import ANSWER, QUESTION, THOUGHTS, dialect_named, record_three_turns

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
EPISODES = 3


# Before the browser, which leaves an event loop running.
@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_qwen_vl(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    record_three_turns(folder, dialect_named("hermes"), EPISODES)
    with (folder / TRAJECTORIES).open("a") as file:
        file.write("{<broken>\n")
    return folder


@pytest.fixture(scope="session")
def config(run: Path, model: str) -> SftConfig:
    return SftConfig(
        out=run / "out",
        model=ModelSection(path=model),
        data=DataSection(trajectories=(run,), max_pixels=1 << 14),
        batch=BatchSection(episodes=EPISODES, tokens=40_000),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        # Without a sandbox, because in containers root has none to give.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(config: SftConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "inspect.html"
    write_page(inspect_batch(config, 1, 1, Console(quiet=True)), path)
    return path


@pytest.fixture
def page(browser: Browser, written: Path) -> Iterator[Page]:
    yield from opened(browser, written)


def opened(browser: Browser, path: Path) -> Iterator[Page]:
    page = browser.new_page(viewport=LAPTOP)  # type: ignore[arg-type]
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on(
        "request",
        lambda request: (
            failures.append(request.url) if not request.url.startswith(("file:", "data:")) else None
        ),
    )
    page.goto(path.as_uri())
    yield page
    assert not failures
    page.close()


def test_what_is_marked_as_trained_on_is_what_the_assistant_said(page: Page) -> None:
    row = page.locator("#row-1")
    said = [
        "".join(text.split("⏎\n")) for text in row.locator(".learned .tokens").all_inner_texts()
    ]
    assert len(said) == 3
    assert THOUGHTS[0].split()[0] in said[0]
    assert THOUGHTS[1].split()[0] in said[1]
    assert ANSWER in said[2]
    assert all(text.endswith("<|im_end|>") for text in said)
    seen = "".join(row.locator(".stretch:not(.learned) .tokens").all_inner_texts())
    assert QUESTION in seen
    assert "tool_response" in seen
    assert ANSWER not in seen


def test_each_stretch_has_its_role(page: Page) -> None:
    labels = page.locator("#row-1 .label").all_inner_texts()
    roles = [label.split()[0] for label in labels]
    assert [role for role in roles if role != "padding"] == [
        *("system", "user", "image", "user", "assistant"),
        *("observation", "image", "observation", "assistant"),
        *("observation", "assistant"),
    ]


def test_an_image_and_its_placeholders_light_up_together(page: Page) -> None:
    chips = page.locator("#row-1 .chip")
    assert chips.count() == page.locator("#row-1 figure").count() == 2
    chips.nth(1).hover()
    lit = page.locator("#row-1 figure.lit")
    assert lit.count() == 1
    assert lit.locator("figcaption").inner_text().startswith("img_2")
    lit.locator("button").click()
    assert "lit" in (chips.nth(1).get_attribute("class") or "")
    assert "lit" not in (chips.nth(0).get_attribute("class") or "")


def test_the_pictures_are_there(page: Page) -> None:
    for image in page.locator("#row-1 figure img").all():
        image.scroll_into_view_if_needed()
        page.wait_for_function("image => image.naturalWidth > 0", arg=image.element_handle())


def test_a_token_that_is_tapped_says_what_it_is(page: Page) -> None:
    page.locator("#row-1 .learned .tokens i").first.click()
    told = page.locator("#token").inner_text()
    assert "assistant" in told
    assert "·  trained on" in told
    page.locator("#row-1 .stretch.user .tokens i").first.click()
    assert "not trained on" in page.locator("#token").inner_text()
    page.locator("h1").click()
    assert page.locator("#token").is_hidden()


def test_all_but_what_is_trained_on_can_be_hidden(page: Page) -> None:
    page.get_by_role("button", name="trained on only").click()
    assert page.locator("#row-1 .stretch:visible").count() == 3
    page.get_by_role("button", name="all tokens").click()
    assert page.locator("#row-1 .stretch:visible").count() > 3


def test_what_was_left_out_is_counted_and_named(page: Page) -> None:
    kind = page.locator(".left details")
    assert kind.locator("summary").inner_text().split() == ["1", "broken", "line"]
    kind.locator("summary").click()
    assert kind.get_by_text(f"line {EPISODES + 1}").is_visible()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_sticks_out_sideways(page: Page, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_numbers_of_tokens_are_shown_with_them_and_as_colours(
    browser: Browser, config: SftConfig, tmp_path: Path
) -> None:
    dataset = open_dataset(config.data, config.model.path)
    steps = StepLoader(dataset, config.batch, seed=0).steps()
    batch = next(next(steps).batches)
    advantages = torch.where(batch.trained, -0.5, 0.0)
    view = view_of_batch(
        batch,
        dataset,
        chat_of(config.model.path),
        title="rollouts",
        facts={},
        columns={"advantage": advantages, "ratio": torch.ones_like(advantages)},
    )
    write_page(view, tmp_path / "page.html")
    for page in opened(browser, tmp_path / "page.html"):
        token = page.locator("#row-1 .learned .tokens i").first
        token.click()
        assert page.locator("#token").inner_text().endswith("advantage -0.5  ·  ratio 1")
        assert token.get_attribute("style") is None
        page.locator("#column").select_option("0")
        assert "color-mix" in (token.get_attribute("style") or "")


def test_the_numbers_of_the_page_are_those_of_the_batch(config: SftConfig) -> None:
    view = inspect_batch(config, 1, 1, Console(quiet=True))
    dataset = open_dataset(config.data, config.model.path)
    lengths = dataset.lengths
    assert view.tokens == lengths.tokens.sum()
    assert view.trained == lengths.trained.sum()
    assert view.image_tokens == lengths.image_tokens.sum()
    assert view.padding_share == pytest.approx(
        1 - lengths.tokens.sum() / (EPISODES * lengths.tokens.max())
    )


def test_turns_that_are_not_learned_from_are_still_the_assistants(config: SftConfig) -> None:
    data = msgspec.structs.replace(config.data, learn_failures=False)
    view = inspect_batch(msgspec.structs.replace(config, data=data), 1, 1, Console(quiet=True))
    said = [one for one in view.rows[0].stretches if one.role == "assistant"]
    assert [one.trained for one in said] == [True, False, True]


def test_a_step_has_only_so_many_batches(config: SftConfig) -> None:
    with pytest.raises(OutOfRange, match="step 2 has 1"):
        inspect_batch(config, 2, 2, Console(quiet=True))


def test_the_command_takes_the_words_of_a_training_run(
    run: Path, model: str, tmp_path: Path
) -> None:
    file = tmp_path / "sft.toml"
    file.write_text(f'out = "{tmp_path}/out"\n[model]\npath = "{model}"\n')
    page = tmp_path / "page.html"
    words = ["--config", str(file), "--data.trajectories", str(run), "--page", str(page)]
    result = CliRunner().invoke(train, ["inspect", *words, "--batch.tokens", "40000"])
    assert result.exit_code == 0, result.output
    assert "left out, broken line: 1 of 4" in result.output
    assert QUESTION in page.read_text()
