"""The page of a run: what it says, that data cannot become code, that it needs nothing else, and that it works."""

import dataclasses
import html.parser
import json
import re
import shlex

import numpy as np
import pytest
from chromium import CHROMIUM, chromium
from PIL import Image
from playwright.sync_api import expect

from piade_tf.cli.parsing import parse_config
from piade_tf.errors import InputError
from piade_tf.evaluation.mistakes import Mistake
from piade_tf.report.html_page import ReportContent, render, write_report
from piade_tf.report.rerun_command import rerun_command
from piade_tf.training.schedule import Schedule

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&{{csp}}<!--"
CONFIG = {
    "options": {"preset": "compact", "data": {"dataset": "digits", "normal_class": "8"}, "training": {"seed": 3}},
    "normal_class": "8",
    "image_shape": [32, 32, 1],
    "counts": {"train": 82, "validation": 20, "calibration": 20, "test": 540},
    "data_fingerprint": "37d59058",
    "versions": {"keras": "3.15.1"},
    "git_commit": "d0e7fa2",
}
METRICS = {
    "image_AUROC": 0.9828,
    "image_F1Max": 0.9849,
    "n_normal": 3,
    "n_anomalous": 4,
    "at_threshold": {"TP": 3, "FP": 1, "TN": 2, "FN": 1, "TPR": 0.75, "FPR": 0.3333, "precision": 0.75},
    "per_class": {"scratch": {"count": 2, "AUROC": 0.91}, "good": {"count": 3, "AUROC": None}},
    "pixel_AUROC": None,
    "pixel_AUPRO": None,
    "image_AUROC_by_score": {"latent": 0.7654},
    "something_new": 0.4321,
    "intervals": {"image_AUROC": [0.962, 0.993], "at_threshold.FPR": {"low": 0.0123, "high": 0.789}},
    "reasons": {
        "pixel_AUROC": "the data set has no masks",
        "per_class": {"good": {"AUROC": "a normal class has no anomalous images"}},
    },
}
THRESHOLD = {"method": "conformal", "value": 2.5, "n": 20, "promised_fpr": 0.05, "sentence": "at most 5 % are flagged."}


def make_rows(count=7, **columns):
    labels = np.arange(count) % 2
    rows = {
        "image": [f"test/{i:05d}.png" for i in range(count)],
        "class": np.where(labels, "scratch", "good"),
        "label": labels,
        "pred_score": np.linspace(0, 5, count).astype("float32"),
        "percentile": np.linspace(0, 100, count),
        "verdict": (np.linspace(0, 5, count) > 2.5).astype(int),
    }
    return rows | columns


def make_mistake(kind="miss", size=28, image_id="test/00001.png", class_name="scratch"):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (size, size, 1), dtype="uint8")
    return Mistake(kind, image_id, class_name, 1.25, image, image, rng.random((size, size)))


def make_content(**changes):
    content = ReportContent("digits, normal: 8", CONFIG, METRICS, THRESHOLD, [], make_rows(), [make_mistake()], {})
    return dataclasses.replace(content, **changes)


def make_figure(path, width=830, height=400, noise=False):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, 3), "uint8") if noise else np.full((height, width, 3), 200, "uint8")
    Image.fromarray(pixels).save(path)
    return path


def words(page):
    """The text of a page as a reader sees it, without the script."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))).replace("\N{NO-BREAK SPACE}", " ")


def embedded_rows(page):
    (text,) = re.findall(r'<script type="application/json" id="rows">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


# What it says


def test_head_states_auroc_with_interval_threshold_with_promise_and_counts():
    text = words(render(make_content()))
    assert "Image AUROC 0.983 (95 % interval 0.962 to 0.993)" in text
    assert "at most 5 % are flagged. On the test images" in text.replace("At most", "at most")
    assert "flagged 1 of 3 normal images (33.3 %) and 3 of 4 anomalous ones (75.0 %)" in text
    assert "learned from 82, validated on 20, threshold from 20, tested on 3 normal and 4 anomalous" in text


def test_the_page_of_a_later_evaluation_names_its_own_data_and_that_of_the_training():
    text = words(render(make_content(config=CONFIG | {"evaluated": {"dataset": "folder", "normal_class": "good"}})))
    head = text.split("Image AUROC")[0]
    assert "data set folder normal class good" in head and "trained on digits, normal: 8" in head
    assert "trained on" not in words(render(make_content()))


def test_the_interval_of_the_whole_is_not_given_to_a_class():
    metrics = {"image_AUROC": 0.9, "intervals": {"image_AUROC": [0.81, 0.97]}, "per_class": {"a": {"image_AUROC": 0.7}}}
    text = words(render(make_content(metrics=metrics)))
    assert text.count("0.810 to 0.970") == text.split("Per class")[0].count("0.810 to 0.970") > 0


def test_every_metric_is_shown_unknown_ones_too():
    text = words(render(make_content()))
    for shown in ("0.9828", "0.9849", "0.3333", "0.012 to 0.789", "0.9100", "latent 0.7654", "Something new 0.4321"):
        assert shown in text


def test_a_metric_that_is_null_is_shown_with_its_reason():
    text = words(render(make_content()))
    assert re.search(r"Pixel AUROC .{0,80} not available the data set has no masks", text)
    assert re.search(r"Pixel AUPRO .{0,80} not available no reason was recorded", text)
    assert "good 3 not available a normal class has no anomalous images" in text


def test_a_run_without_labels_threshold_figures_or_history_says_so():
    metrics = {"image_AUROC": None, "at_threshold": None, "reasons": {"image_AUROC": "there are no anomalous images"}}
    rows = {
        name: column for name, column in make_rows(label=[None] * 7).items() if name not in ("percentile", "verdict")
    }
    text = words(render(make_content(metrics=metrics, threshold=None, rows=rows, mistakes=[])))
    assert "Image AUROC is not available: there are no anomalous images." in text
    assert "No threshold" in text and "No image was judged" in text
    assert "No figures were drawn." in text and "No training was recorded." in text


def good_only(**changes):
    """What the page of a run with good images alone shows."""
    metrics = {"image_AUROC": None, "n_normal": 0, "n_anomalous": 0, "epochs": 3, "train_seconds": 61.9}
    metrics |= {"reasons": {"image_AUROC": "there are no test images"}, "pixel_AUROC": None}
    unusual = [dataclasses.replace(make_mistake("unusual", class_name="good"), score=score) for score in (2.4, 2.2)]
    rows = make_rows(label=np.zeros(7, int), verdict=np.zeros(7, int), **{"class": ["good"] * 7})
    return make_content(metrics=metrics, mistakes=unusual, rows=rows, good_only=True, map_limit=0.75, **changes)


def test_a_run_with_good_images_alone_shows_them_and_no_gap():
    text = words(render(good_only()))
    assert "7 good images that the threshold comes from" in text and "2.5 threshold" in text
    assert "5 highest score of a good image" in text and "3 epochs in 62 seconds" in text
    assert "Are these really good?" in text and "the most unusual 2 of 7" in text
    for gap in ("not available", "–", "AUROC", "No mistakes", "tested on"):
        assert gap not in text.split("Configuration")[0] + text.split("Most unusual good images")[1].split("Options")[0]


def test_of_folds_the_page_says_why_maps_of_good_images_show_less():
    said = "shows less than the score says"
    assert said in words(render(good_only(threshold=THRESHOLD | {"folds": 5})))
    assert said not in words(render(good_only(threshold=THRESHOLD | {"folds": 0})))


def test_the_page_says_whether_the_most_unusual_image_sets_the_threshold():
    raises, stands_apart = "raises the threshold and hides defects like it", "has no say in the threshold"
    for apart, said, other in ((0, raises, stands_apart), (1, stands_apart, raises)):
        text = words(render(good_only(threshold=THRESHOLD | {"apart": apart})))
        assert said in text and other not in text


def test_the_scale_of_the_maps_is_said_with_their_threshold():
    for content in (good_only(), make_content(map_limit=0.75)):
        text = words(render(content))
        assert re.search(r"0 1\.5 , with the threshold of maps, 0\.75", text)


def test_no_mistakes_are_said_to_be_none():
    text = words(render(make_content(mistakes=[], rows=make_rows(verdict=np.arange(7) % 2))))
    assert "No mistakes: every test image is on its side of the threshold." in text


def test_mistakes_have_score_class_name_and_four_pictures():
    page = render(make_content(mistakes=[make_mistake("false alarm"), make_mistake("miss")]))
    assert page.count('<article class="card">') == 2
    for view in ("image", "reconstruction", "anomaly map", "overlay"):
        assert page.count(f'alt="{view} of test/00001.png, class scratch"') == 2
    assert "1.25 scratch test/00001.png" in words(page)
    assert "the worst 1 of 2" in words(page)  # of the false alarms in the rows


@pytest.mark.parametrize("size, small", [(28, True), (63, True), (64, False), (300, False)])
def test_small_images_are_enlarged_without_smoothing(size, small):
    page = render(make_content(mistakes=[make_mistake(size=size)]))
    assert ('class="small"' in page) == small


def test_figures_have_alternative_text_and_caption(tmp_path):
    figures = [(make_figure(tmp_path / "roc.png"), "Look at the left."), (make_figure(tmp_path / "new_one.png"), "")]
    page = render(make_content(figures=figures))
    assert 'alt="ROC curve: true positive rate over false positive rate at every threshold."' in page
    assert 'alt="Figure: new one."' in page
    assert "ROC curve . Look at the left." in words(page)
    assert page.count('src="data:image/png;base64,') == 2 + 4 + 1  # figures, views of the mistake, colour bar


def test_the_promise_is_rounded_up_as_in_the_sentence():
    text = words(render(make_content(threshold=THRESHOLD | {"promised_fpr": 3 / 301})))
    assert "for at most 1 % false alarms" in text


def test_of_folds_the_page_says_about_and_counts_all_good_images():
    config = CONFIG | {"options": CONFIG["options"] | {"calibration": "folds"}}
    text = words(render(make_content(threshold=THRESHOLD | {"guarantee": "approximate"}, config=config)))
    assert "for about 5 % false alarms" in text
    assert "learned, and threshold in folds, from 122" in text


def test_a_figure_for_a_dark_page_is_shown_there_instead(tmp_path):
    (tmp_path / "dark").mkdir()
    make_figure(tmp_path / "dark" / "roc.png")
    page = render(
        make_content(figures=[(make_figure(tmp_path / "roc.png"), ""), (make_figure(tmp_path / "x.png"), "")])
    )
    assert [page.count(f'class="{name}"') for name in ("on-light", "on-dark", "zoom both", "zoom")] == [1, 1, 1, 1]


def test_a_narrow_figure_without_a_neighbour_has_the_row_for_itself(tmp_path):
    shapes = ((830, 400), (400, 400), (400, 400), (830, 400), (400, 400))
    figures = [(make_figure(tmp_path / f"{i}.png", *shape), "") for i, shape in enumerate(shapes)]
    found = re.findall(r'<figure( class="wide")?><button', render(make_content(figures=figures)))
    assert [bool(wide) for wide in found] == [True, False, False, True, True]


def test_warnings_stand_at_the_head_and_not_among_the_metrics():
    text = words(render(make_content(metrics=METRICS | {"warnings": [HOSTILE]})))
    assert text.count(f"Warning : {HOSTILE}.") == 1 and text.count(HOSTILE) == 1
    assert text.index(HOSTILE) < text.index("Image AUROC 0.983")


def test_history_shows_first_best_and_last_epoch():
    text = words(render(make_content(history={"loss": [3.0, 2.0, 1.0], "val_loss": [0.5, 0.125, 0.25]})))
    assert "epoch 1 epoch 2 (best) epoch 3 (last) total loss 3.0000 2.0000 1.0000" in text
    assert "total loss, validation 0.5000 0.1250 0.2500" in text


def test_configuration_is_complete():
    text = words(render(make_content()))
    for shown in ("37d59058", "keras 3.15.1", "d0e7fa2", "seed 3", "dataset digits", "train 82", "[32, 32, 1]"):
        assert shown in text
    assert "piade train --normal-class 8 --seed 3" in text


def test_what_was_left_out_is_a_dash_and_the_schedule_beside_it_says_what_it_became():
    training = {"epochs": None, "seed": 3}
    options = CONFIG["options"] | {"training": training, "loss": {"mse": 1.0}, "export": []}
    text = words(render(make_content(config=CONFIG | {"options": options, "schedule": {"epochs": 10}})))
    assert "Options: training epochs – seed 3 Schedule epochs 10 Options: loss" in text
    assert "export –" in text and text.count("Schedule") == 1


def test_a_term_of_the_loss_is_called_what_it_is():
    text = words(render(make_content(history={"one_minus_ssim": [0.5, 0.4], "val_mse": [0.2, 0.1]})))
    assert "1 \N{MINUS SIGN} SSIM 0.5000" in text and "MSE, validation 0.2000" in text


@pytest.mark.parametrize("kind, shown", [("900x900 RGB", False), ("900x900 L", False), ("900x900 I;16", True)])
def test_the_bits_of_deep_images_are_shown_for_deep_images_alone(kind, shown):
    config = CONFIG | {"preparation": {"size": [32, 32], "bits": 12}, "kinds": {kind: 5}}
    assert ("bits 12" in words(render(make_content(config=config)))) == shown


def test_the_command_has_another_name_where_the_run_has_one():
    named = CONFIG | {"options": CONFIG["options"] | {"name": "bolts"}}
    assert rerun_command(named).endswith("--name bolts-again") and "--name" not in rerun_command(CONFIG)


@pytest.mark.parametrize(
    "arguments",
    [
        "--normal-class 8 --epochs 10",
        "--preset paper --score latent --image-size 128 --crop 120 --fpr 0.05",
        "--network.no-grid --network.skip --loss.mse 0.5 --dataset folder --data-dir 'a folder/x' --seed 7",
        "--dataset folder --data-dir=-photos --normal-class=\"-O'Brien's-\"",
    ],
)
def test_the_command_makes_the_same_configuration(arguments):
    config = parse_config(shlex.split(arguments))
    size = (config.data.crop or config.data.image_size or (32,))[0]
    resolved = dataclasses.replace(config, network=config.network.for_image(size, size))
    stored = json.loads(
        json.dumps(
            {
                "options": dataclasses.asdict(resolved),
                "schedule": dataclasses.asdict(Schedule.of(config.training, 5400, "classes", pretrained=False)),
                "image_shape": [size, size, 1],
            },
            default=str,
        )
    )
    again = parse_config(shlex.split(rerun_command(stored))[2:])
    assert again == config


@pytest.mark.parametrize("stored, word", [(True, "on"), (False, "off")])
def test_the_command_of_a_version_that_had_jit_as_a_switch_can_be_typed_now(stored, word):
    options = CONFIG["options"] | {"training": CONFIG["options"]["training"] | {"jit": stored}}
    words = shlex.split(rerun_command(CONFIG | {"options": options}))
    assert words[words.index("--jit") + 1] == word
    parse_config(words[2:])


def test_the_command_of_a_version_that_always_normalised_the_upsampling_still_does():
    options = CONFIG["options"] | {"network": {"encoder": "efficientnet_lite0"}}
    words = shlex.split(rerun_command(CONFIG | {"options": options, "image_shape": [256, 256, 3]}))
    assert words[words.index("--network.upsampling-norm") + 1] == "batch"
    assert parse_config(words[2:]).network.upsampling_norm == "batch"


# Data stays data


def content_named(name, folder):
    """Content with one name wherever a name can be."""
    data = CONFIG["options"] | {"data": {"dataset": name, "normal_class": name}}
    return make_content(
        title=name,
        config=CONFIG | {"normal_class": name, name: {name: name}, "git_commit": name, "options": data},
        metrics=METRICS | {"per_class": {name: {name: None}}, name: name, "reasons": {name: name}, "warnings": [name]},
        threshold=THRESHOLD | {"sentence": name, "method": name},
        figures=[(make_figure(folder / f"{name.replace('/', '_')}.png"), name)],
        rows=make_rows(**{"image": [name] * 7, "class": [name] * 7}),
        mistakes=[make_mistake(image_id=name, class_name=name)],
        history={name: [1.0]},
    )


def tags(page):
    """Every tag with the names of its attributes."""
    found = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, *(name for name, _ in attributes)))
    parser.feed(page)
    return found


@pytest.mark.parametrize("name", [HOSTILE, "<script>alert(1)</script>", '" onload="alert(1)', "' onload='alert(1)"])
def test_hostile_names_are_text_wherever_they_appear(tmp_path, name):
    page = render(content_named(name, tmp_path))
    assert tags(page) == tags(render(content_named("plain", tmp_path)))
    assert embedded_rows(page)["image"] == [name] * 7
    assert words(page).count(name) >= 20
    assert "<!--" not in page


def test_the_page_is_filled_once_so_that_what_looks_like_a_place_in_it_stays_text():
    assert "{{ 6 * 7 }}{% raw %}" in words(render(make_content(title="{{ 6 * 7 }}{% raw %}")))


def test_file_names_that_are_no_unicode_are_written(tmp_path):
    name = b"scratch_\xff.png".decode("utf-8", "surrogateescape")
    write_report(tmp_path / "report.html", make_content(mistakes=[make_mistake(image_id=name)]))
    assert "scratch_?.png" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_refers_to_nothing_outside_itself(tmp_path):
    page = render(make_content(figures=[(make_figure(tmp_path / "roc.png"), "")]))
    assert not re.search(r"https?://|//[a-z]+\.", page)
    assert set(re.findall(r'\b(?:src|href|srcset|action|data)="([^"]{0,5})', page)) == {"data:", "#metr"} | {
        f"#{name[:4]}" for name in ("figures", "mistakes", "all-scores", "exported", "training", "configuration")
    }
    assert not re.search(r"url\(|@import|<link|<iframe|<base", page)


def test_only_the_style_and_the_script_of_the_page_are_allowed():
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', render(make_content()))
    rules = dict(rule.split(" ", 1) for rule in html.unescape(policy).split("; "))
    assert (rules["default-src"], rules["img-src"]) == ("'none'", "data:")
    assert all(re.fullmatch(r"'sha256-[\w+/]+=*'", rules[rule]) for rule in ("script-src", "style-src"))


# The file


def test_the_scores_are_embedded_as_columns():
    rows = embedded_rows(render(make_content(rows=make_rows(3, pred_score=[1.23456789, float("nan"), 2]))))
    assert rows == {
        "image": ["test/00000.png", "test/00001.png", "test/00002.png"],
        "classes": ["good", "scratch"],
        "class": [0, 1, 0],
        "label": [0, 1, 0],
        "score": [1.23457, None, 2.0],
        "percentile": [0.0, 50.0, 100.0],
        "verdict": [0, 0, 1],
    }


def test_verdicts_and_labels_may_be_words_or_truth_values():
    words_ = ["normal", "anomalous", "normal"]
    rows = make_rows(3, label=words_, verdict=np.array([True, False, True]))
    page = embedded_rows(render(make_content(rows=rows)))
    assert (page["label"], page["verdict"]) == ([0, 1, 0], [1, 0, 1])


@pytest.mark.parametrize("rows", [make_rows(label=[0]), {"image": [], "class": [], "label": []}])
def test_columns_that_do_not_fit_are_refused_and_nothing_is_left(tmp_path, rows):
    with pytest.raises(ValueError, match="in one length"):
        write_report(tmp_path / "report.html", make_content(rows=rows))
    assert list(tmp_path.iterdir()) == []


def test_ten_thousand_rows_twelve_figures_and_twelve_photographs_stay_below_4_mb(tmp_path):
    figures = [(make_figure(tmp_path / f"{i}.png", 1660, 1000), "") for i in range(11)]
    figures.append((make_figure(tmp_path / "photographs.png", 600, 400, noise=True), ""))
    mistakes = [make_mistake(kind, 256) for kind in ("false alarm", "miss") for _ in range(6)]
    write_report(tmp_path / "report.html", make_content(figures=figures, rows=make_rows(10_000), mistakes=mistakes))
    assert (tmp_path / "report.html").stat().st_size < 4_000_000


def test_a_write_that_fails_keeps_the_earlier_page(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("earlier")
    monkeypatch.setattr("piade_tf.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError("no permission")))
    with pytest.raises(InputError, match="no permission"):
        write_report(path, make_content())
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "earlier"


# In a browser


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not on the PATH")
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser):
    """Opens a file as a new visitor; the page has `errors` and `requests`, what the console and the network saw."""
    contexts = []

    def open_file(path, width=1280, dark=False, mobile=False):
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme="dark" if dark else "light",
                is_mobile=mobile,
                device_scale_factor=2 if mobile else 1,
            )
        )
        view = contexts[-1].new_page()
        view.errors, view.requests = [], []
        view.on("pageerror", lambda error: view.errors.append(error.message))
        view.on("console", lambda said: view.errors.append(said.text) if said.type in ("error", "warning") else None)
        view.on("request", lambda request: view.requests.append(request.url))
        view.goto(path.as_uri())
        return view

    yield open_file
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """10,000 rows, two of them with hostile names."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    rows = make_rows(10_000)
    rows["image"][0] = HOSTILE
    rows["class"] = np.where(np.arange(10_000) == 1, HOSTILE, rows["class"])
    figures = [(make_figure(path.with_name("roc.png"), 1660, 800), "")]
    mistakes = [make_mistake("miss", image_id="x" * 200), make_mistake("false alarm", class_name=HOSTILE)]
    write_report(path, make_content(rows=rows, figures=figures, mistakes=mistakes, title=HOSTILE))
    return path


def column(view, place):
    return view.locator(f"#scores tbody td:nth-child({place})").evaluate_all(
        "cells => cells.map((cell) => cell.firstChild.textContent)"
    )


def head(view, name):
    return view.locator("#scores th").get_by_role("button", name=name)


def expect_shown(view, text):
    expect(view.locator("#shown")).to_have_text(text)


def expect_sorted(view, name, direction):
    expect(view.locator("#scores th[aria-sort]")).to_have_text(name)
    expect(view.locator("#scores th[aria-sort]")).to_have_attribute("aria-sort", direction)


def test_the_page_opens_without_errors_or_requests_and_the_highest_score_is_first(opened, page):
    view = opened(page)
    assert view.errors == []
    assert [url for url in view.requests if not url.startswith("data:")] == [page.as_uri()]
    scores = [float(text) for text in column(view, 4)]
    assert len(scores) == 50
    assert scores == sorted(scores, reverse=True) and scores[0] == 5
    expect_sorted(view, "score", "descending")
    expect_shown(view, "1 to 50 of 10,000 images")


def test_a_click_on_a_head_sorts_and_a_second_one_turns_it_round(opened, page):
    view = opened(page)
    head(view, "image").click()
    expect_sorted(view, "image", "ascending")
    head(view, "image").click()
    expect_sorted(view, "image", "descending")
    assert column(view, 1)[:2] == ["test/09999.png", "test/09998.png"]
    head(view, "score").click()
    head(view, "score").click()
    expect_sorted(view, "score", "ascending")
    assert column(view, 1)[:2] == [HOSTILE, "test/00001.png"]


def test_heads_can_be_reached_and_used_by_keyboard(opened, page):
    view = opened(page)
    view.locator("#verdict").focus()
    view.keyboard.press("Tab")
    expect(head(view, "image")).to_be_focused()
    view.keyboard.press("Enter")
    expect_sorted(view, "image", "ascending")
    expect(head(view, "image")).to_be_focused()


def test_filters_and_search_narrow_the_rows(opened, page):
    view = opened(page)
    search, verdict = view.get_by_label("Search images and classes"), view.get_by_label("Verdict")
    search.fill("09")
    found = sum("09" in f"{i:05d}" for i in range(1, 10_000))
    expect_shown(view, f"1 to 50 of {found:,} found among 10,000 images")
    assert all("09" in name for name in column(view, 1))
    search.fill("no such name")
    expect_shown(view, "0 found among 10,000 images")
    search.fill("")
    expect_shown(view, "1 to 50 of 10,000 images")
    verdict.select_option("miss")
    expect_shown(view, "1 to 50 of 2,500 found among 10,000 images")
    assert set(column(view, 6)) == {"normal"}
    verdict.select_option("right")
    expect_shown(view, "1 to 50 of 5,000 found among 10,000 images")


def test_hostile_names_are_shown_as_they_are(opened, page):
    view = opened(page)
    view.on("dialog", lambda dialog: view.errors.append(dialog.message))
    view.get_by_label("Search images and classes").fill("onerror")
    expect_shown(view, "1 to 2 of 2 found among 10,000 images")
    assert sorted(column(view, 1)) == sorted([HOSTILE, "test/00001.png"])
    assert view.title() == HOSTILE
    expect(view.locator("img[onerror]")).to_have_count(0)
    expect(view.locator("body script")).to_have_count(2)
    assert view.errors == []


def test_what_slips_in_does_not_run(opened, page, tmp_path):
    slipped = tmp_path / "slipped.html"
    slipped.write_text(page.read_text().replace("<main>", "<main><script>window.slipped = 1</script>"))
    view = opened(slipped)
    assert view.evaluate("window.slipped") is None
    assert any("Content Security Policy" in error for error in view.errors)


def test_pages_turn_and_stay_short(opened, page):
    view = opened(page)
    view.get_by_role("button", name="Last page").click()
    expect_shown(view, "9,951 to 10,000 of 10,000 images")
    expect(view.get_by_role("button", name="Next")).to_be_disabled()
    expect(view.locator("#scores tbody tr")).to_have_count(50)


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_scrolls_in_one_direction_only(opened, page, dark):
    view = opened(page, width=360, dark=dark, mobile=True)
    assert view.evaluate("document.documentElement.scrollWidth") == 360
    assert view.errors == []


def test_a_path_breaks_after_a_slash_on_a_phone(opened, tmp_path):
    write_report(tmp_path / "report.html", make_content(rows=make_rows(image=["test/broken_large/014.png"] * 7)))
    name = opened(tmp_path / "report.html", width=360, mobile=True).locator("#scores tbody td span").first
    expect(name).to_have_text("test/broken_large/014.png")
    lines = """(name, part) => {
      const range = document.createRange();
      range.selectNodeContents(part ? [...name.childNodes].find((node) => node.textContent === part) : name);
      return new Set([...range.getClientRects()].map((piece) => piece.top)).size;
    }"""
    assert name.evaluate(lines) > 1
    assert name.evaluate(lines, "014.png") == 1


def test_the_system_chooses_light_or_dark_until_the_button_is_used(opened, page):
    dark, light = "rgb(21, 23, 26)", "rgb(255, 255, 255)"
    expect(opened(page, dark=True).locator("body")).to_have_css("background-color", dark)
    view = opened(page)
    expect(view.locator("body")).to_have_css("background-color", light)
    view.get_by_role("button", name="Dark").click()
    expect(view.locator("body")).to_have_css("background-color", dark)
    view.get_by_role("button", name="Light").click()
    expect(view.locator("body")).to_have_css("background-color", light)


def test_a_figure_opens_at_full_size_and_closes(opened, page):
    view = opened(page, width=360, mobile=True)
    view.get_by_title("Enlarge").click()
    expect(view.get_by_role("dialog")).to_be_visible()
    assert view.locator("dialog img").bounding_box()["width"] >= 800
    view.get_by_role("button", name="Close").click()
    expect(view.get_by_role("dialog")).to_be_hidden()
