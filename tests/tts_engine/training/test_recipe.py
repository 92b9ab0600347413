"""The chain: each stage's options are options that its script has, and a run that was cut off goes on."""

import importlib
import json

import pytest

from tts_engine.training import recipe


def arguments(out, *more):
    return recipe.parser().parse_args(["--out", str(out), "--device", "cpu", "--threads", "1", *more])


def test_the_shares_are_all_of_the_time():
    assert sum(recipe.SHARES.values()) == pytest.approx(1)


def test_each_stage_reads_what_the_ones_before_wrote(tmp_path):
    made = {str(tmp_path / "features"), str(tmp_path / "features-heldout")}
    for stage in recipe.stages(arguments(tmp_path)):
        importlib.import_module(f"tts_engine.training.{stage.script}")
        given = dict(zip(stage.options, stage.options[1:], strict=False))
        for option in (
            "--features",
            "--speaker-encoder",
            "--acoustic",
            "--vocoder",
            "--speaker",
            "--model",
            "--recogniser",
            "--predicted",
        ):
            if option in given and stage.name != "corpus":
                assert given[option] in made, (stage.name, option)
        made |= {given.get("--out", ""), given.get("--out", "") + "/model"}
    assert [stage.name for stage in recipe.stages(arguments(tmp_path))] == [
        "corpus", "speaker", "acoustic", "vocoder", "predicted", "adversarial", "recogniser", "export", "evaluate"
    ]  # fmt: skip


def test_a_prepared_corpus_is_not_made_again(tmp_path):
    names = [stage.name for stage in recipe.stages(arguments(tmp_path, "--features", str(tmp_path / "mine")))]
    assert names[0] == "speaker"


def test_a_stage_that_fails_ends_the_run_and_says_which(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "_PACKAGE", "no_such_package")
    with pytest.raises(SystemExit, match="corpus failed"):
        recipe.run(arguments(tmp_path))


@pytest.mark.slow
def test_the_chain_makes_a_model_and_its_figures(request, teacher, tmp_path, capfd):
    if not request.config.getoption("--long"):
        pytest.skip("nine programs take a minute and a half: --long")
    small = ["--hours", "0.01", "--heldout-hours", "0.002", "--speakers", "2", "--steps", "1", "--no-bf16"]
    recipe.run(arguments(tmp_path, *small))
    figures = json.loads((tmp_path / "quality.json").read_text())
    assert figures["ser"]["syllables"] > 0
    assert (tmp_path / "v23" / "speaker" / "encoder.onnx").exists()
    recipe.run(arguments(tmp_path, *small))
    assert capfd.readouterr().out.count("done before") == 9
