import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

VOID = {"meta", "link", "img", "input", "br", "line"}


class Document(HTMLParser):
    """Start tags with attributes, text outside of scripts and styles, and whether tags match."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.scripts, self._open = [], "", [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif not self._open or self._open[-1] != "style":
            self.text += data

    @property
    def data(self):
        return json.loads(self.scripts[0])

    def attributes(self, name):
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def test_a_diverged_run_is_on_the_page_with_its_reason(four_variants, page):
    text = Document(page(four_variants)).text
    assert "11 finished, 1 diverged" in text
    assert "DivergenceError: generator loss is nan (step 321)" in text
    assert "fgan_kl: 1 diverged of 3 runs" in text


def test_the_page_requests_nothing(four_variants, page):
    document = Document(page(four_variants))
    for name in ("src", "href", "srcset", "poster", "action", "data"):
        for value in document.attributes(name):
            assert value.startswith(("data:", "#")), value[:80]
    assert set(re.findall(r"https?://[^\s\"']*", page(four_variants))) == {
        "http://www.w3.org/2000/svg"  # a name, not an address
    }


def test_the_policy_allows_this_script_and_no_other(four_variants, page):
    document = Document(page(four_variants))
    (policy,) = [a["content"] for t, a in document.tags if a.get("http-equiv")]
    digest = base64.b64encode(hashlib.sha256(document.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_identifiers_are_unique_and_labels_point_to_something(four_variants, page):
    document = Document(page(four_variants))
    ids = document.attributes("id")
    assert len(ids) == len(set(ids))
    assert set(document.attributes("aria-labelledby")) <= set(ids)


def test_hostile_names_are_text(tmp_path, write_run, grey, page, hostile):
    write_run(
        tmp_path / "sweep" / "0",
        loss=hostile,
        status="failed",
        overrides=[hostile],
        metrics={hostile: 1.0, f"x_class_1_{hostile}": 2.0},
        grids={1: grey},
        config={hostile: hostile},
        dataset={"name": hostile},
        environment={"cpu": hostile},
        error={"kind": hostile, "message": hostile, "step": hostile},
    )
    write_run(tmp_path / "sweep" / "1", loss="bce", seed=1, metrics={hostile: 1.0})
    document = Document(page(tmp_path / "sweep"))
    assert document.text.count(hostile) > 5
    assert document.data["variants"][0]["name"] == f"{hostile} {hostile}"
    assert len(document.scripts) == 2
    assert [tag for tag, _ in document.tags].count("style") == 1
    assert not [name for _, attributes in document.tags for name in attributes if name[:2] == "on"]


def test_missing_and_non_finite_metrics(tmp_path, write_run, page):
    for seed, value in enumerate((0.5, None, float("nan"), 0.7)):
        metrics = {"label_accuracy_x_test_1k": value}
        write_run(tmp_path / "s" / str(seed), seed=seed, metrics=metrics)
    (found,) = Document(page(tmp_path / "s")).data["values"]["label_accuracy_x_test_1k"]
    assert found["runs"] == [
        [0, 0.5, "finished"], [1, None, "finished"], [2, None, "finished"], [3, 0.7, "finished"],
    ]  # fmt: skip
    assert found["estimate"]["mean"] == 0.6
    assert found["estimate"]["n"] == 2


def test_one_seed_claims_no_interval(tmp_path, write_run, page):
    write_run(tmp_path / "s" / "0", metrics={"fid_x_test_1k": 3.0})
    document = Document(page(tmp_path / "s"))
    assert "one seed" in document.text
    assert document.data["values"]["fid_x_test_1k"][0]["estimate"]["interval"] is None


def test_a_damaged_record_is_listed_and_the_rest_is_shown(four_variants, page):
    (four_variants / "0" / "record.json").write_text('{"schema_version": 1, "loss"')
    document = Document(page(four_variants))
    assert "1 more cannot be read" in document.text
    assert "sweep/0" in document.text
    assert len(document.data["variants"]) == 4


def test_no_finished_run(tmp_path, write_run, page):
    write_run(tmp_path / "s" / "0", status="running", history=[], progress={})
    write_run(tmp_path / "s" / "1", seed=1, status="interrupted", progress={"epoch": 1})
    text = Document(page(tmp_path / "s")).text
    assert "1 running, 1 interrupted" in text
    assert "nothing can be said about quality" in text


def test_only_damaged_records(tmp_path, page):
    (tmp_path / "s" / "0").mkdir(parents=True)
    (tmp_path / "s" / "0" / "record.json").write_text("?")
    assert "1 more cannot be read" in Document(page(tmp_path / "s")).text


def test_older_and_richer_records(tmp_path, write_run, page):
    folder = write_run(tmp_path / "s" / "0")
    content = json.loads((folder / "record.json").read_text())
    for key in ("environment", "dataset", "parameters", "progress", "artifacts", "started"):
        del content[key]
    content |= {"schema_version": 0, "a_key_of_tomorrow": 1}
    (folder / "record.json").write_text(json.dumps(content))
    assert "1 finished" in Document(page(tmp_path / "s")).text


def test_forty_variants(tmp_path, write_run, page):
    for number in range(40):
        metrics = {"fid_x_test_1k": float(number)}
        write_run(tmp_path / "s" / str(number), f"loss{number}", metrics=metrics, epochs=1)
    document = Document(page(tmp_path / "s"))
    looks = [(v["light"], v["dash"]) for v in document.data["variants"]]
    assert len(set(looks[:28])) == 28  # seven colours by four dash patterns, then they repeat
    assert len(document.data["pairs"]["fid_x_test_1k"]) == 40 * 39 / 2


def test_pictures_of_both_epochs_and_further_artifacts(four_variants, page, grey):
    Image.fromarray(grey[:28]).save(four_variants / "3" / "walk.png")
    record = json.loads((four_variants / "3" / "record.json").read_text())
    record["artifacts"]["class_walk"] = "walk.png"
    (four_variants / "3" / "record.json").write_text(json.dumps(record))
    document = Document(page(four_variants))
    strips = document.data["strips"]
    assert [s["epochs"] for s in strips if s["seed"] == 0] == [[2, 4]] * 4
    assert [s["epochs"] for s in strips if s["seed"] == 1] == [[4]] * 4
    assert "One latent through all classes" in document.text


def test_config_differences(four_variants, page):
    text = Document(page(four_variants)).text
    start = text.index("How the configurations differ")
    assert "trainer.n_critic" in text[start:]
    assert "trainer.epochs" not in text[start : text.index("Methods and definitions")]


@pytest.mark.parametrize(
    "wanted", ["Newcombe", "Holm", "Fréchet distance", "fid_mnistcnn_test_10k"]
)
def test_methods_are_stated(four_variants, page, wanted):
    text = Document(page(four_variants)).text
    assert wanted in text[text.index("Methods and definitions") :]


def test_samples_of_points_have_no_rows_of_classes(tmp_path, write_run, grey, page):
    write_run(tmp_path / "0", grids={1: grey}, dataset={"name": "ring", "sample_shape": [2]})
    text = Document(page(tmp_path)).text
    assert "Generated points over real ones" in text
    assert "A row is a class" not in text
