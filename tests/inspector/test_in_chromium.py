"""The inspector in Chromium, as whoever uses it sees it: verdicts of the export, camera, log, calibration, mistakes."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from inspector_site import INSPECTOR, as_png
from PIL import Image
from playwright.sync_api import expect

from piade_tf.cli.main import main
from piade_tf.data.decode import decode_bytes
from piade_tf.data.folder import list_images
from piade_tf.data.preparation import Preparation
from piade_tf.evaluation.threshold import fit_threshold

FORMATS = ["float32", "float16", "dynamic_int8", "int8"]
HOSTILE = "<img src=x onerror=alert(1)>.png"


def picture(name, content, kind="image/png"):
    return {"name": name, "mimeType": kind, "buffer": content}


def says(page, selector, text):
    """Waits until an element says something. The page's rules forbid what `wait_for_function` does."""
    expect(page.locator(selector)).to_contain_text(text, timeout=20_000)


def go(page, name):
    page.locator("nav").get_by_role("link", name=name).click()


def inspect(page, *files):
    """Chooses photographs and waits for the verdict of the last one; returns its score as the table shows it."""
    rows = page.locator("#results tbody tr")
    count = rows.count() + len(files)
    page.set_input_files("#files", list(files))
    expect(rows).to_have_count(count, timeout=60_000)
    return rows.first.inner_text().split("\t")


def logged(page):
    """The rows of the log's table, once the last inspection is in it."""
    go(page, "Log")
    with page.expect_download() as got:
        page.get_by_role("button", name="Export CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(got.value.path()).read_text(encoding="utf-8"))))
    go(page, "Inspect")
    return rows


def wait_for_log(page, count):
    """Opens the log once all inspections are in it."""
    for _ in range(100):
        go(page, "Inspect")
        go(page, "Log")
        says(page, "#log-result", "inspections")
        if page.inner_text("#log-result").startswith(f"{count} "):
            return
    raise AssertionError(page.inner_text("#log-result"))


@pytest.mark.parametrize("name", FORMATS)
def test_golden_images_get_the_scores_and_verdicts_of_the_export(opened, exported, name):
    page = opened()
    go(page, "Model")
    page.select_option("#format", name)
    says(page, "#model-name", f", {name}")
    page.click("#selftest")
    says(page, "#selftest-result", "images")
    assert page.inner_text("#selftest-result").startswith("\u2714")
    golden = {}
    for part in ("golden.json", "photographs.json"):
        golden |= json.loads((exported.folder / "golden" / part).read_text())
    rows = [row.split("\t") for row in page.locator("#selftest-table tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == list(golden)
    for image, _, here, verdict in rows:
        said = golden[image][name]
        allowed = 1e-3 if name.startswith("float") else 5e-2
        assert float(here) == pytest.approx(said["pred_score"], rel=allowed, abs=1e-4 if allowed < 1e-2 else allowed)
        assert ("anomalous" in verdict) == said["anomalous"] and "as expected" in verdict


def test_a_photograph_gets_a_verdict_a_place_in_the_gauge_and_a_heatmap(opened, digits):
    page = opened()
    assert inspect(page, picture("good.png", digits[0]))[2].split() == ["\u2714", "normal"]
    assert page.inner_text("#verdict") == "\u2714 normal"
    noise = as_png(np.random.default_rng(0).integers(0, 256, (48, 64, 3), "uint8"))
    assert inspect(page, picture("bad.png", noise))[2].split() == ["\u2716", "anomalous"]
    assert page.get_attribute("#gauge svg", "aria-label").startswith("Score ")
    assert "64 x 48" in page.inner_text("#figures")
    marked = "[...heat.getContext('2d').getImageData(0, 0, 32, 32).data].some((value, i) => i % 4 === 3 && value > 127)"
    assert page.evaluate(marked)
    page.uncheck("#show-heat")
    assert not page.is_visible("#heat")
    page.check("#show-reconstruction")
    assert page.is_visible("#reconstruction")


def test_photographs_can_be_dropped_and_pasted_several_at_once(opened, digits):
    page = opened()
    for event in ("drop", "paste"):
        page.evaluate(
            """([event, files]) => {
              const given = new DataTransfer();
              for (const [name, bytes] of files) {
                given.items.add(new File([Uint8Array.from(bytes)], name, {type: 'image/png'}));
              }
              const options = {bubbles: true, cancelable: true};
              const made = event === 'drop'
                ? new DragEvent('drop', {...options, dataTransfer: given})
                : new ClipboardEvent('paste', {...options, clipboardData: given});
              document.querySelector('#stage').dispatchEvent(made);
            }""",
            [event, [[f"{event}{i}.png", list(digits[i])] for i in range(2)]],
        )
        says(page, "#results", f"{event}1")
    assert page.locator("#results tbody tr").count() == 4


def test_photographs_that_come_while_others_are_inspected_wait_their_turn(opened, digits):
    page = opened()
    names = [f"{i}.png" for i in range(6)]
    for name, content in zip(names, digits, strict=False):
        page.set_input_files("#files", picture(name, content))
    rows = page.locator("#results tbody tr")
    expect(rows).to_have_count(6, timeout=60_000)
    assert [row.split("\t")[0].strip() for row in rows.all_inner_texts()] == names[::-1]


def test_another_model_judges_only_what_it_has_seen(opened, exported, digits):
    page = opened()
    score = inspect(page, picture("a.png", digits[0]))[1]
    go(page, "Model")
    page.select_option("#format", "int8")
    says(page, "#model-name", ", int8")
    go(page, "Inspect")
    row = page.locator("#results tbody tr").first
    assert "not inspected" in row.inner_text() and "another model" in page.inner_text("#note")
    row.get_by_role("button").click()
    expect(row).to_contain_text("normal", timeout=60_000)
    assert page.inner_text("#verdict") == "\u2714 normal" and row.inner_text().split("\t")[1] != score


def test_a_photograph_that_waits_for_a_new_model_is_judged_by_that(opened, exported, digits):
    page = opened()
    go(page, "Model")
    page.evaluate(
        """(bytes) => {
          const ask = Worker.prototype.postMessage; // the photograph comes right after the model, which still loads
          Worker.prototype.postMessage = function (said, given) {
            ask.call(this, said, given);
            if (said.question.kind !== 'load') return;
            const files = new DataTransfer();
            files.items.add(new File([Uint8Array.from(bytes)], 'a.png', {type: 'image/png'}));
            const dropped = new DragEvent('drop', {cancelable: true, dataTransfer: files});
            document.querySelector('#inspect').dispatchEvent(dropped);
          };
        }""",
        list(digits[0]),
    )
    page.select_option("#format", "int8")
    says(page, "#model-name", ", int8")
    wait_for_log(page, 1)
    (row,) = logged(page)
    about = exported.manifest["files"]["int8"]["threshold"]
    assert row["format"] == "int8" and float(row["threshold"]) == about["value"]
    expected = np.interp(float(row["score"]), about["quantiles"], np.arange(101))
    assert float(row["percentile"]) == pytest.approx(expected, abs=1e-3)


def test_a_camera_that_starts_after_the_page_was_left_is_ended(opened):
    page = opened(permissions=["camera"])
    page.evaluate(
        """() => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            const stream = await ask(wanted);
            location.hash = '#log';
            await new Promise((resolve) => setTimeout(resolve, 200));
            window.track = stream.getTracks()[0];
            return stream;
          };
        }"""
    )
    page.click("#camera")
    says(page, "#log-result", "inspections")
    page.wait_for_timeout(500)
    assert page.evaluate("window.track.readyState") == "ended"


def test_the_camera_is_inspected_live_and_photographed(opened):
    page = opened(permissions=["camera"])
    page.click("#camera")
    says(page, "#figures", "a second")
    assert page.inner_text("#verdict") in ("\u2714 normal", "\u2716 anomalous")
    assert page.is_visible("#video") and page.is_visible("#seen")
    page.click("#take")
    page.wait_for_selector("#results tbody tr")
    assert "camera" in page.inner_text("#results") and page.is_visible("#picture")
    assert page.get_attribute("#camera", "aria-pressed") == "false"


def test_a_camera_that_may_not_be_used_is_told(opened):
    page = opened()
    page.click("#camera")
    page.wait_for_selector("#message:not([hidden])")
    assert "camera" in page.inner_text("#message") and "allow" in page.inner_text("#message")


def test_the_threshold_follows_the_slider_and_is_kept_for_the_model(opened, exported):
    page = opened()
    go(page, "Model")
    limit = exported.manifest["files"]["float32"]["threshold"]["value"]
    before = page.inner_text("#slider-text")
    page.focus("#slider")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    after = page.inner_text("#slider-text")
    assert after != before and float(after.split()[-1]) < limit
    assert "Chosen here" in page.inner_text("#threshold-text")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.inner_text("#slider-text") == after
    page.click("#reset")
    assert page.inner_text("#slider-text") == before and "As exported" in page.inner_text("#threshold-text")


def test_calibrating_here_fits_the_threshold_by_the_rule_of_python(opened, digits):
    page = opened()
    inspect(page, *[picture(f"{i}.png", content) for i, content in enumerate(digits[:21])])
    wait_for_log(page, 21)
    scores = [float(row["score"]) for row in logged(page)]
    go(page, "Calibrate")
    page.set_input_files("#calibrate-files", [picture(f"{i}.png", one) for i, one in enumerate(digits[:19])])
    says(page, "#calibrate-count", "19 of 20")
    assert page.is_disabled("#calibrate-use")
    page.set_input_files("#calibrate-files", [picture(f"{i}.png", one) for i, one in enumerate(digits[19:21])])
    says(page, "#calibrate-count", "21 good")
    page.select_option("#rate", "0.1")
    page.click("#calibrate-use")
    said = page.inner_text("#calibrate-result")
    expected = fit_threshold("fpr", 0.1, scores)
    assert "at most 9.1 % false alarms" in said and expected.promised_fpr == pytest.approx(2 / 22)
    kept = page.evaluate(
        "JSON.parse(localStorage[Object.keys(localStorage).find((key) => key.startsWith('threshold:'))])"
    )
    assert kept["calibration"]["scores"] == scores
    inspect(page, picture("again.png", digits[0]))
    wait_for_log(page, 22)
    row = logged(page)[-1]
    assert float(row["threshold"]) == expected.value
    assert float(row["percentile"]) == pytest.approx(float(expected.percentile(scores[0])), abs=1e-6)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    go(page, "Model")
    assert "Calibrated here, 21 normal images" in page.inner_text("#threshold-text")


def test_the_log_leads_back_to_adapt_and_to_a_folder_of_images(opened, exported, digits, tmp_path, capsys):
    page = opened()
    folder = tmp_path / "log"
    go(page, "Settings")
    page.check("#keep-full")
    go(page, "Inspect")
    inspect(page, *[picture(HOSTILE if i == 0 else f"{i}.png", content) for i, content in enumerate(digits[:8])])
    wait_for_log(page, 8)
    assert HOSTILE in page.inner_text("#entries")  # as text
    for i, word in enumerate([*["good"] * 6, "defective"]):  # the first of the list is the last that was inspected
        page.locator("#entries select").nth(7 - i).select_option(word)
    page.wait_for_timeout(200)
    with page.expect_download() as got:
        page.get_by_role("button", name="Export zip").click()
    says(page, "#log-result", "6 good and 1 defective images exported; 1 others")
    with zipfile.ZipFile(got.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    assert [name.split("/")[0] for name in files] == ["defective"] + ["good"] * 6
    rows = list(csv.DictReader((folder / "log.csv").open(encoding="utf-8")))
    assert [row["file"] for row in rows if row["file"]] == sorted(files, key=lambda name: name.split("/")[1])
    assert (folder / rows[1]["file"]).read_bytes() == digits[1]

    listing = list_images(folder, None)
    assert (len(listing.train), listing.normal_class, len(listing.test)) == (6, "good", 1)
    teach = ["--good", folder / "good", "--bad", folder / "defective", "--folds", "0", "--name", "taught"]
    assert main(["adapt", *map(str, [exported.run, *teach])]) == 0
    assert "6 new good images" in capsys.readouterr().out


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_prepared_as_in_training_whichever_way_they_were_held(opened, orientation, tmp_path):
    rng = np.random.default_rng(orientation)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8")).resize((400, 300), Image.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = io.BytesIO()
    coarse.save(content, "JPEG", quality=95, subsampling=0, exif=exif)
    page = opened()
    page.evaluate("localStorage['keep-full'] = 'on'")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    inspect(page, picture("photo.jpg", content.getvalue(), "image/jpeg"))
    wait_for_log(page, 1)
    page.locator("#entries select").select_option("good")
    page.select_option("#export-as", "prepared")
    page.wait_for_timeout(100)
    with page.expect_download() as got:
        page.get_by_role("button", name="Export zip").click()
    with zipfile.ZipFile(got.value.path()) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("good/")]
        found = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("L")).astype(int)
    expected = Preparation((32, 32), "stretch", None, 1)(decode_bytes(content.getvalue()))[..., 0]
    assert np.abs(found - expected).max() <= 1


def test_it_works_without_a_network_after_the_first_load(opened, digits):
    page = opened(service_workers="allow")
    score = inspect(page, picture("a.png", digits[0]))[1]
    says(page, "#offline", "Ready")
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert inspect(page, picture("a.png", digits[0]))[1] == score
    go(page, "Model")
    page.click("#selftest")
    says(page, "#selftest-result", "\u2714")


def test_inspectors_in_two_folders_of_a_server_are_kept_apart(browser, built, static, tmp_path):
    for name in ("one", "other"):
        shutil.copytree(built.dist, tmp_path / name)
    context = browser.new_context(viewport={"width": 360, "height": 640})
    page = context.new_page()
    with static(tmp_path) as address:
        for name in ("one", "other"):
            page.goto(f"{address}{name}/")
            says(page, "#offline", "Ready")
        worker = tmp_path / "other" / "service-worker.js"
        worker.write_text(re.sub(r'VERSION = "\w+"', 'VERSION = "newer"', worker.read_text()))
        page.reload()
        says(page, "#offline", "Ready")
        page.goto(f"{address}one/")  # the new worker begins once the page of the old one is gone
        for _ in range(100):
            kept = page.evaluate("caches.keys()")
            if [name for name in kept if "/other/" in name] == [f"piade-app-{address}other/ newer"]:
                break
            page.wait_for_timeout(100)
        else:
            raise AssertionError(kept)
    context.set_offline(True)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    context.close()


def test_a_file_that_is_no_image_is_told_and_its_name_is_text(opened, digits):
    page = opened()
    inspect(page, picture(HOSTILE, b"GIF8 not an image"))
    assert "not inspected" in page.inner_text("#verdict") and "PNG" in page.inner_text("#note")
    assert HOSTILE in page.inner_text("#note") and page.locator("#note img, #results img").count() == 0
    inspect(page, picture("cut.png", digits[0][:80]))
    assert "damaged" in page.inner_text("#note")
    bomb = bytearray(digits[0])
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    inspect(page, picture("bomb.png", bytes(bomb)))
    assert "megapixels" in page.inner_text("#note")
    assert "normal" in inspect(page, picture("good.png", digits[0]))[2]  # the app goes on


@pytest.mark.parametrize("score", ["NaN", "-Infinity"])
def test_a_score_that_is_no_number_is_no_verdict_and_not_logged(opened, digits, score):
    page = opened()
    page.evaluate(
        f"""() => {{
          const {{get}} = Object.getOwnPropertyDescriptor(MessageEvent.prototype, 'data');
          Object.defineProperty(MessageEvent.prototype, 'data', {{get() {{ // what the worker answers
            const said = get.call(this);
            if (said?.value?.score !== undefined) said.value.score = {score};
            return said;
          }}}});
        }}"""
    )
    assert "not inspected" in inspect(page, picture("a.png", digits[0]))[2]
    assert "not inspected" in page.inner_text("#verdict")
    assert f"the score {score}, which is no number" in page.inner_text("#note")
    wait_for_log(page, 0)


def test_a_damaged_photograph_leaves_no_needle_of_the_one_before(opened, digits):
    page = opened()
    inspect(page, picture("good.png", digits[0]))
    assert page.locator("#gauge .needle").count() == 1
    inspect(page, picture("cut.png", digits[0][:80]))
    assert page.locator("#gauge .needle").count() == 0 and page.locator("#gauge .limit").count() == 1
    assert page.get_attribute("#gauge svg", "aria-label").startswith("Threshold ")


@pytest.mark.parametrize("width", [320, 390])
def test_scores_and_verdicts_stay_on_one_line_on_a_phone(opened, digits, width):
    page = opened(viewport={"width": width, "height": 844})
    noise = as_png(np.random.default_rng(0).integers(0, 256, (48, 64, 3), "uint8"))
    long = "photograph-of-a-part-2026-11-27-08-15-{}.png"
    inspect(page, picture(long.format(1), digits[0]), picture(long.format(2), noise), picture(long.format(3), b"none"))
    lines = """() => [...document.querySelectorAll('#results :is(th, td):not(:first-child)')].map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return [cell.textContent, new Set([...range.getClientRects()].map(({top}) => Math.round(top))).size];
    })"""
    assert [(text, count) for text, count in page.evaluate(lines) if count != 1] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_calibrating_with_learned_photographs_is_warned_of_and_not_refused(opened, digits):
    page = opened()
    scored = []
    for number, content in enumerate(digits[:8]):
        inspect(page, picture(f"{number}.png", content))
        scored.append((float(page.get_attribute("#gauge svg", "aria-label").split()[1].rstrip(",")), content))
    low = min(scored)[1]
    go(page, "Calibrate")
    page.set_input_files("#calibrate-files", [picture(f"{i}.png", low) for i in range(20)])
    says(page, "#calibrate-warning", "Warning: all of them score below the middle")
    assert page.is_enabled("#calibrate-use")
    page.set_input_files("#calibrate-files", [picture("higher.png", max(scored)[1])])
    says(page, "#calibrate-count", "21 good")
    assert page.inner_text("#calibrate-warning") == ""


def test_a_full_storage_is_told_and_the_inspection_goes_on(opened, digits):
    page = opened()
    full = "throw new DOMException('no room', 'QuotaExceededError')"
    page.evaluate(f"() => {{ IDBObjectStore.prototype.add = () => {{ {full}; }}; }}")
    inspect(page, *[picture(f"{i}.png", content) for i, content in enumerate(digits[:3])])
    says(page, "#message", "storage")
    assert page.inner_text("#verdict") == "\u2714 normal"


def test_hostile_models_and_archives_get_a_message_and_the_old_model_stays(opened, exported, digits):
    page = opened()
    go(page, "Model")
    broken = (exported.folder / "float32.tflite").read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("export/manifest.json", '{"run": 1, "files": []}')
    files = {
        "notes.tflite": (b"not a model at all", "no .tflite"),
        "cut.tflite": (broken[:-200], "damaged"),
        "int8_full.tflite": ((exported.folder / "int8_full.tflite").read_bytes(), "int8_full"),
        "torn.zip": (archive.getvalue()[:-30], "archive is damaged"),
        "lying.zip": (archive.getvalue(), "JSON object"),
    }
    for name, (content, named) in files.items():
        page.set_input_files("#model-file", picture(name, content, "application/octet-stream"))
        says(page, "#message", named)
    go(page, "Inspect")
    assert "normal" in inspect(page, picture("good.png", digits[0]))[2]


def test_a_model_file_and_a_zip_of_the_export_can_be_opened(opened, built, static, exported, digits):
    with static(built.dist) as empty:
        page = opened(empty)
        assert "no model" in page.inner_text("#message")
        page.set_input_files("#files", picture("a.png", digits[0]))
        says(page, "#message", "page Model")
        go(page, "Model")
        page.set_input_files("#model-file", exported.folder / "float16.tflite")
        says(page, "#model-name", "float16")
        page.click("#selftest")
        says(page, "#message", "zip")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as made:
            for path in exported.folder.rglob("*"):
                made.write(path, f"export/{path.relative_to(exported.folder)}")
        page.set_input_files("#model-file", picture("export.zip", archive.getvalue(), "application/zip"))
        says(page, "#model-name", "float32")
        page.click("#selftest")
        says(page, "#selftest-result", "\u2714")


def test_a_static_folder_has_the_app_and_the_model(built, static, exported, opened, tmp_path):
    command = [sys.executable, INSPECTOR / "with_run.py", built.dist, tmp_path / "site", exported.run]
    subprocess.run(command, check=True, capture_output=True)
    with static(tmp_path / "site") as address:
        page = opened(address)
        assert page.inner_text("#model-name") == "digits, float32"
    elsewhere = subprocess.run([*command[:4], tmp_path / "none"], capture_output=True, text=True)
    assert elsewhere.returncode == 2 and "there is no run" in elsewhere.stderr and "piade train" in elsewhere.stderr
    nothing = subprocess.run(command[:4], cwd=tmp_path, capture_output=True, text=True)
    assert nothing.returncode == 2 and "piade train" in nothing.stderr and nothing.stderr.count("\n") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_small_phone(opened, digits, scheme):
    page = opened(color_scheme=scheme, bypass_csp=True)  # axe is a script of ours, not of the page
    inspect(page, picture("good.png", digits[0]), picture("bad.png", b"none"), picture("again.png", digits[1]))
    axe = (INSPECTOR / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(axe)
    for name in ("Inspect", "Model", "Calibrate", "Log", "Settings"):
        go(page, name)
        page.wait_for_timeout(100)
        found = page.evaluate("axe.run()")["violations"]
        serious = [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


def test_the_pages_can_be_reached_by_keyboard(opened):
    page = opened()
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert {"Inspect", "Model", "Log", "camera", "files", "show-heat", "opacity"} <= seen
