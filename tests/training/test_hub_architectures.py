"""Architectures of transformers, from a folder; skipped where the extra is not installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from autofocus.errors import InvalidInput
from autofocus.training.architectures import build, check_network
from autofocus.training.calibration import Whitening
from autofocus.training.detector import stack_boxes
from autofocus.training.export import Session, export
from autofocus.training.graphs import BoxGraph, MapGraph, ServedGraph

SIDE = 32


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("transformers")


def resnet(transformers: Any) -> Any:
    return transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=7
    )


def vit(transformers: Any) -> Any:
    return transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        image_size=SIDE, patch_size=8, num_labels=7,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["resnet", "vit"])
@pytest.mark.parametrize("weights", [True, False])
def test_a_folder_becomes_a_network_that_exports(
    transformers: Any, tmp_path: Path, kind: str, weights: bool
) -> None:
    config = {"resnet": resnet, "vit": vit}[kind](transformers)
    if weights:
        model = transformers.AutoModelForImageClassification.from_config(config)
        model.save_pretrained(tmp_path / "net")
    else:
        config.save_pretrained(tmp_path / "net")
    torch.manual_seed(0)
    network = build(f"hf:{tmp_path / 'net'}", ("a", "b", "c"), SIDE, SIDE)
    size = check_network(network, 3, SIDE, SIDE)
    assert size == 16
    pixels = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)
    whitening = Whitening(np.zeros(size, np.float32), np.eye(size, 4, dtype=np.float32))
    export(ServedGraph(network, 1.5, whitening), pixels, tmp_path / "model.onnx")
    found = Session(tmp_path / "model.onnx").run(pixels)
    probabilities, embedding, whitened = (found[name] for name in ServedGraph.outputs)
    assert probabilities.shape == (5, 3)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(embedding[:, :4], whitened, atol=1e-5)


def test_a_folder_without_a_model_is_refused(transformers: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        build(f"hf:{tmp_path}", ("a", "b"), SIDE, SIDE)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InvalidInput, match="autofocus\\[hf\\]"):
        build("hf:anything", ("a", "b"), SIDE, SIDE)


def test_a_function_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mean(torch.nn.Module):
        def __init__(self, classes: int) -> None:
            super().__init__()
            self.head = torch.nn.Linear(3, classes)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            embedding = images.mean(dim=(2, 3))
            return self.head(embedding), embedding

    module = ModuleType("their_networks")
    module.mean = lambda classes, height, width: Mean(len(classes))  # type: ignore[attr-defined]
    module.number = lambda classes, height, width: 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "their_networks", module)
    assert check_network(build("their_networks:mean", ("a", "b"), 16, 16), 2, 16, 16) == 3
    with pytest.raises(InvalidInput, match="Module"):
        build("their_networks:number", ("a", "b"), 16, 16)


def detr(transformers: Any) -> Any:
    return transformers.DetrConfig(
        backbone_config=transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic",
            out_features=["stage2"],
        ),
        d_model=16, num_queries=6, encoder_layers=1, decoder_layers=1,
        encoder_ffn_dim=16, decoder_ffn_dim=16, encoder_attention_heads=2,
        decoder_attention_heads=2,
    )  # fmt: skip


def segformer(transformers: Any) -> Any:
    return transformers.SegformerConfig(
        hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=16,
    )  # fmt: skip


def whitened(size: int) -> Whitening:
    return Whitening(np.zeros(size, np.float32), np.eye(size, 4, dtype=np.float32))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_detector_of_the_detr_family_learns_and_exports(
    transformers: Any, tmp_path: Path
) -> None:
    detr(transformers).save_pretrained(tmp_path / "net")
    torch.manual_seed(0)
    network = build(f"hf:{tmp_path / 'net'}", ("a", "b"), 64, 64, "detection")
    size = check_network(network, 2, 64, 64, "detection")
    boxes = torch.tensor([[8.0, 8.0, 40.0, 40.0]])
    targets = stack_boxes([boxes] * 2, [torch.tensor([1])] * 2, [torch.ones(1).bool()] * 2)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        network.train()
        loss = network.loss(images, targets)  # type: ignore[operator]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert min(losses[4:]) < losses[0]
    decoding = {"slope": 1.0, "offset": 0.0, "nms_iou": 0.7, "twins": 0.1}
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    export(BoxGraph(network, decoding, whitened(size)), pixels, tmp_path / "model.onnx")
    found = Session(tmp_path / "model.onnx").run(pixels)
    assert found["boxes"].shape == (3, 12, 4)
    assert found["probabilities"].shape == (3, 2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_semantic_segmenter_learns_and_exports(transformers: Any, tmp_path: Path) -> None:
    segformer(transformers).save_pretrained(tmp_path / "net")
    torch.manual_seed(0)
    network = build(f"hf:{tmp_path / 'net'}", ("a", "b"), 64, 64, "segmentation")
    size = check_network(network, 2, 64, 64, "segmentation")
    kinds = torch.zeros(2, 64, 64, dtype=torch.int64)
    kinds[:, 8:40, 8:40] = 2
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    network.train()
    loss = network.loss(images, kinds, (kinds > 0).float(), torch.ones(3))  # type: ignore[operator]
    loss.backward()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    export(MapGraph(network, 1.0, whitened(size)), pixels, tmp_path / "model.onnx")
    maps = Session(tmp_path / "model.onnx").run(pixels)["maps"]
    assert maps.shape == (3, 4, 64, 64)
    assert np.allclose(maps[:, :3].sum(axis=1), 1, atol=1e-5)


def test_a_model_for_another_task_is_refused(transformers: Any, tmp_path: Path) -> None:
    vit(transformers).save_pretrained(tmp_path / "net")
    with pytest.raises(InvalidInput, match="for detection"):
        build(f"hf:{tmp_path / 'net'}", ("a", "b"), SIDE, SIDE, "detection")
