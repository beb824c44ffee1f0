"""What once went by another name, old and new: modules, names, attributes and the methods of sources."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

_FROM_CONTRACTS = (
    "Batch Batches Bundle Converter Drawing ExitRule Gallery Inputs Item Keep Neuron Observer Output Quantiser "
    "Resources Rule Score Scorer Site SiteStats Track View"
)

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "snnfw.cache": "snnfw.files",
        "snnfw.contracts.data": "snnfw.values",
        "snnfw.contracts.neurons": "snnfw.planning.rules",
        "snnfw.plan.place": "snnfw.planning.placement",
        "snnfw.plan": "snnfw.planning",
        "snnfw.plan.kinds": "snnfw.planning.kinds",
        "snnfw.plan.matching": "snnfw.planning.matching",
        "snnfw.plan.operators": "snnfw.capture.operators",
        "snnfw.plan.placement": "snnfw.planning.placement",
        "snnfw.plan.positions": "snnfw.planning.positions",
        "snnfw.plan.rules": "snnfw.planning.rules",
        "snnfw.plan.silent": "snnfw.planning.silent",
        "snnfw.plan.strict": "snnfw.planning.strict",
        "snnfw.convert": "snnfw.conversion",
        "snnfw.convert.activations": "snnfw.conversion.activations",
        "snnfw.convert.converter": "snnfw.conversion.converter",
        "snnfw.convert.direct": "snnfw.conversion.direct",
        "snnfw.compare": "snnfw.comparing",
        "snnfw.convert.observe": "snnfw.conversion.activations",
        "snnfw.config.resolve": "snnfw.config.resolution",
        "snnfw.convert.observers": "snnfw.neurons.observers",
        "snnfw.simulate.code": "snnfw.store.code",
        "snnfw.simulate.distances": "snnfw.search.distances",
        "snnfw.simulate.energy": "snnfw.energy.charges",
        "snnfw.simulate.energy_model": "snnfw.energy.model",
        "snnfw.simulate.events": "snnfw.energy.events",
        "snnfw.simulate.fingerprint": "snnfw.store.fingerprint",
        "snnfw.simulate.fitting": "snnfw.search.fitting",
        "snnfw.simulate.keys": "snnfw.search.keys",
        "snnfw.simulate.made_of": "snnfw.store.parts",
        "snnfw.simulate.sensitivity": "snnfw.search.sensitivity",
        "snnfw.simulate.sources": "snnfw.store.sources",
        "snnfw.simulate.store": "snnfw.store.files",
        "snnfw.simulate.trials": "snnfw.search.trials",
        "snnfw.simulate.windows": "snnfw.energy.windows",
        "snnfw.spiking.applied": "snnfw.neurons.applied",
        "snnfw.spiking.branch": "snnfw.search.branch",
        "snnfw.spiking.buffers": "snnfw.neurons.buffers",
        "snnfw.spiking.check": "snnfw.checks.neurons",
        "snnfw.spiking.neuron": "snnfw.neurons.spiking_neuron",
        "snnfw.spiking.timefold": "snnfw.neurons.timefold",
        "snnfw.spiking.trial": "snnfw.checks.trial",
        "snnfw_tasks.accuracy": "snnfw.simulate.accuracy",
        "snnfw_tasks.samples.accuracy": "snnfw.simulate.accuracy",
        "snnfw_tasks.augmentation": "snnfw_tasks.classification.augment",
        "snnfw_tasks.batches": "snnfw_tasks.samples.batches",
        "snnfw_tasks.classifier_bundle": "snnfw_tasks.samples.classifier",
        "snnfw_tasks.datasets.cifar": "snnfw_tasks.classification.data.cifar",
        "snnfw_tasks.datasets.clouds": "snnfw_tasks.pointcloud.data.folders",
        "snnfw_tasks.datasets.clouds_files": "snnfw_tasks.pointcloud.data.files",
        "snnfw_tasks.datasets.clouds_open3d": "snnfw_tasks.pointcloud.library",
        "snnfw_tasks.datasets.clouds_ply": "snnfw_tasks.pointcloud.data.ply",
        "snnfw_tasks.datasets.clouds_points": "snnfw_tasks.pointcloud.data.points",
        "snnfw_tasks.datasets.clouds_whole": "snnfw_tasks.pointcloud.data.whole",
        "snnfw_tasks.datasets.coco_annotations": "snnfw_tasks.segmentation.data.coco_annotations",
        "snnfw_tasks.datasets.coco_masks": "snnfw_tasks.segmentation.data.coco_masks",
        "snnfw_tasks.datasets.coco_shapes": "snnfw_tasks.segmentation.data.coco_shapes",
        "snnfw_tasks.datasets.detection": "snnfw_tasks.detection.data.yolo",
        "snnfw_tasks.datasets.digits": "snnfw_tasks.classification.data.digits",
        "snnfw_tasks.datasets.events": "snnfw_tasks.events.data.published",
        "snnfw_tasks.datasets.events_augment": "snnfw_tasks.events.data.augment",
        "snnfw_tasks.datasets.events_cache": "snnfw_tasks.samples.cache",
        "snnfw_tasks.datasets.events_digits": "snnfw_tasks.events.data.digits",
        "snnfw_tasks.datasets.events_files": "snnfw_tasks.events.data.files",
        "snnfw_tasks.datasets.events_frames": "snnfw_tasks.events.data.frames",
        "snnfw_tasks.datasets.events_motion": "snnfw_tasks.events.data.motion",
        "snnfw_tasks.datasets.events_options": "snnfw_tasks.events.data.options",
        "snnfw_tasks.datasets.events_recorded": "snnfw_tasks.events.data.recorded",
        "snnfw_tasks.datasets.folders": "snnfw_tasks.classification.data.folders",
        "snnfw_tasks.datasets.images": "snnfw_tasks.samples.images",
        "snnfw_tasks.datasets.masks": "snnfw_tasks.samples.masks",
        "snnfw_tasks.datasets.modelnet": "snnfw_tasks.pointcloud.data.modelnet",
        "snnfw_tasks.datasets.modelnet_hdf5": "snnfw_tasks.pointcloud.data.modelnet_hdf5",
        "snnfw_tasks.datasets.palette": "snnfw_tasks.samples.palette",
        "snnfw_tasks.datasets.random_crops": "snnfw_tasks.classification.data.random_crops",
        "snnfw_tasks.datasets.scenes": "snnfw_tasks.scenes.files",
        "snnfw_tasks.datasets.scenes_draw": "snnfw_tasks.scenes.draw",
        "snnfw_tasks.datasets.scenes_masks": "snnfw_tasks.scenes.masks",
        "snnfw_tasks.datasets.segmentation": "snnfw_tasks.segmentation.data.voc",
        "snnfw_tasks.datasets.segmentation_files": "snnfw_tasks.segmentation.data.files",
        "snnfw_tasks.datasets.shapenet": "snnfw_tasks.pointcloud.data.shapenet",
        "snnfw_tasks.datasets.shapenet_files": "snnfw_tasks.pointcloud.data.shapenet_files",
        "snnfw_tasks.datasets.shapes": "snnfw_tasks.pointcloud.data.shapes",
        "snnfw_tasks.datasets.shapes_draw": "snnfw_tasks.pointcloud.data.shapes_draw",
        "snnfw_tasks.datasets.shapes_furniture": "snnfw_tasks.pointcloud.data.shapes_furniture",
        "snnfw_tasks.datasets.shapes_meshes": "snnfw_tasks.pointcloud.data.shapes_meshes",
        "snnfw_tasks.datasets.shapes_parts": "snnfw_tasks.pointcloud.data.shapes_parts",
        "snnfw_tasks.datasets.shapes_vehicles": "snnfw_tasks.pointcloud.data.shapes_vehicles",
        "snnfw_tasks.event_camera": "snnfw_tasks.events.camera",
        "snnfw_tasks.labelled": "snnfw_tasks.samples.labelled",
        "snnfw_tasks.masked": "snnfw_tasks.samples.masked",
        "snnfw_tasks.models.checkpoint": "snnfw_tasks.networks.checkpoint",
        "snnfw_tasks.models.cifar_resnet": "snnfw_tasks.networks.cifar_resnet",
        "snnfw_tasks.models.digits": "snnfw_tasks.classification.models.digits",
        "snnfw_tasks.models.events": "snnfw_tasks.events.models.small",
        "snnfw_tasks.models.imported": "snnfw_tasks.networks.imported",
        "snnfw_tasks.models.pointnet": "snnfw_tasks.pointcloud.models.pointnet",
        "snnfw_tasks.models.pointnet_network": "snnfw_tasks.pointcloud.models.pointnet_network",
        "snnfw_tasks.models.resnet19": "snnfw_tasks.networks.resnet19",
        "snnfw_tasks.models.scenes_fcn": "snnfw_tasks.segmentation.models.scenes_fcn",
        "snnfw_tasks.models.scenes_segmentation": "snnfw_tasks.segmentation.models.scenes",
        "snnfw_tasks.models.segmentation_zoo": "snnfw_tasks.networks.segmentation_zoo",
        "snnfw_tasks.models.small_images": "snnfw_tasks.networks.small_images",
        "snnfw_tasks.models.timm_zoo": "snnfw_tasks.networks.timm_zoo",
        "snnfw_tasks.models.torchvision_zoo": "snnfw_tasks.networks.torchvision_zoo",
        "snnfw_tasks.models.vgg": "snnfw_tasks.networks.vgg",
        "snnfw_tasks.models.weight_files": "snnfw_tasks.networks.weight_files",
        "snnfw_tasks.models.wrappings": "snnfw_tasks.networks.wrappings",
        "snnfw_tasks.models.yolo": "snnfw_tasks.detection.models.yolo",
        "snnfw_tasks.models.yolo_networks": "snnfw_tasks.detection.models.networks",
        "snnfw_tasks.models.yolo_scenes": "snnfw_tasks.detection.models.scenes",
        "snnfw_tasks.models.yolo_trust": "snnfw_tasks.detection.models.trust",
        "snnfw_tasks.models.yolo_zoo": "snnfw_tasks.detection.models.zoo",
        "snnfw_tasks.models.zoo": "snnfw_tasks.networks.zoo",
        "snnfw_tasks.pointcloud_augment": "snnfw_tasks.pointcloud.augment",
        "snnfw_tasks.pointcloud_bundle": "snnfw_tasks.pointcloud.bundle",
        "snnfw_tasks.pointcloud_offscreen": "snnfw_tasks.pointcloud.offscreen",
        "snnfw_tasks.pointcloud_pictures": "snnfw_tasks.pointcloud.pictures",
        "snnfw_tasks.pointcloud_render": "snnfw_tasks.pointcloud.render",
        "snnfw_tasks.pointcloud_samples": "snnfw_tasks.pointcloud.samples",
        "snnfw_tasks.pointcloud_scores": "snnfw_tasks.pointcloud.scores",
        "snnfw_tasks.pointcloud_sources": "snnfw_tasks.pointcloud.sources",
        "snnfw_tasks.probe": "snnfw_tasks.samples.probe",
        "snnfw_tasks.reading": "snnfw_tasks.samples.reading",
        "snnfw_tasks.segmentation_bundle": "snnfw_tasks.segmentation.bundle",
        "snnfw_tasks.segmentation_pictures": "snnfw_tasks.segmentation.pictures",
        "snnfw_tasks.segmentation_scores": "snnfw_tasks.segmentation.scores",
        "snnfw_tasks.yolo.batches": "snnfw_tasks.detection.batches",
        "snnfw_tasks.yolo.boxes": "snnfw_tasks.detection.boxes",
        "snnfw_tasks.yolo.bundle": "snnfw_tasks.detection.bundle",
        "snnfw_tasks.yolo.dataset": "snnfw_tasks.detection.data.images",
        "snnfw_tasks.yolo.description": "snnfw_tasks.detection.data.description",
        "snnfw_tasks.yolo.labels": "snnfw_tasks.detection.data.labels",
        "snnfw_tasks.yolo.library": "snnfw_tasks.detection.library",
        "snnfw_tasks.yolo.listing": "snnfw_tasks.detection.data.listing",
        "snnfw_tasks.yolo.pictures": "snnfw_tasks.detection.pictures",
        "snnfw_tasks.yolo.scores": "snnfw_tasks.detection.scores",
        "snnfw_tasks.yolo.sources": "snnfw_tasks.detection.sources",
    }
)
"""Modules that moved; what was in them is in the new one, unless ``NAMES`` says something else."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        **{
            f"snnfw.contracts{part}.{name}": f"snnfw.{name}"
            for name in _FROM_CONTRACTS.split()
            for part in ("", ".data", ".neurons", ".sources", ".stages")
        },
        "snnfw.Found": "snnfw.SearchResult",
        "snnfw.compare.compare": "snnfw.comparing.compare_methods",
        "snnfw.capture.graph.attribute": "snnfw.capture.get_attribute",
        "snnfw.capture.sites.packet": "snnfw.capture.overload_packet",
        "snnfw.config.fields.build": "snnfw.config.build_dataclass",
        "snnfw.config.fields.shown": "snnfw.config.format_value",
        "snnfw.config.fields.take_apart": "snnfw.config.as_plain",
        "snnfw.contracts.Found": "snnfw.SearchResult",
        "snnfw.contracts.data.untold": "snnfw.values.tell_nothing",
        "snnfw.contracts.data.untracked": "snnfw.values.track_nothing",
        "snnfw.contracts.stages.Found": "snnfw.SearchResult",
        "snnfw.contracts.untold": "snnfw.values.tell_nothing",
        "snnfw.contracts.untracked": "snnfw.values.track_nothing",
        "snnfw.convert.direct.build": "snnfw.conversion.build_spiking_model",
        "snnfw.convert.observe.moved": "snnfw.conversion.to_device",
        "snnfw.convert.observers.Fixed": "snnfw.neurons.FixedThreshold",
        "snnfw.convert.observers.Peak": "snnfw.neurons.PeakThreshold",
        "snnfw.convert.observers.alive": "snnfw.neurons.replace_zero_thresholds",
        "snnfw.convert.observers.by_channel": "snnfw.neurons.channel_rows",
        "snnfw.convert.observers.magnitude": "snnfw.neurons.magnitude_percentile",
        "snnfw.convert.observers.spread": "snnfw.neurons.broadcast_channels",
        "snnfw.errors.closest": "snnfw.errors.did_you_mean",
        "snnfw.errors.unknown": "snnfw.errors.unknown_name_error",
        "snnfw.neurons.applied.Applied": "snnfw.neurons.BoundFunction",
        "snnfw.neurons.observers.Fixed": "snnfw.neurons.FixedThreshold",
        "snnfw.neurons.observers.Peak": "snnfw.neurons.PeakThreshold",
        "snnfw.neurons.observers.alive": "snnfw.neurons.replace_zero_thresholds",
        "snnfw.neurons.observers.by_channel": "snnfw.neurons.channel_rows",
        "snnfw.neurons.observers.magnitude": "snnfw.neurons.magnitude_percentile",
        "snnfw.neurons.observers.spread": "snnfw.neurons.broadcast_channels",
        "snnfw.neurons.timefold.per_sample": "snnfw.neurons.sum_per_sample",
        "snnfw.search.keys.opened": "snnfw.search.open_store",
        "snnfw.search.results.Found": "snnfw.SearchResult",
        "snnfw.simulate.keys.opened": "snnfw.search.open_store",
        "snnfw.spiking.applied.Applied": "snnfw.neurons.BoundFunction",
        "snnfw.spiking.memory.dense": "snnfw.spiking.to_channels_last",
        "snnfw.spiking.timefold.per_sample": "snnfw.neurons.sum_per_sample",
        "snnfw.values.untold": "snnfw.values.tell_nothing",
        "snnfw.values.untracked": "snnfw.values.track_nothing",
        "snnfw.files.whole": "snnfw.files.replace_file",
        "snnfw.report.folder.write_file": "snnfw.files.write_file",
        "snnfw.report.folder.write_folder": "snnfw.files.write_folder",
        "snnfw_tasks.classification.Classification": "snnfw_tasks.classification.task.Classification",
        "snnfw_tasks.detection.Detection": "snnfw_tasks.detection.task.Detection",
        "snnfw_tasks.events.Events": "snnfw_tasks.events.task.Events",
        "snnfw_tasks.pointcloud.PointCloud": "snnfw_tasks.pointcloud.task.PointCloud",
        "snnfw_tasks.segmentation.Segmentation": "snnfw_tasks.segmentation.task.Segmentation",
    }
)
"""Names that moved or changed, in full: ``package.module.name``."""

METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"build": ("build_head", "detector"), "open": ("clouds", "splits")}
)
"""Methods of models and data sets, new to old."""

ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        **{
            f"Bundle.{name}": f"Bundle.{value}.{name}"
            for value, names in {
                "data": "calibration evaluation fitting frames temporal tuning",
                "judgement": "correct distance headline logits scorer target_of",
                "training": "loss",
            }.items()
            for name in names.split()
        },
        "Trials.bundle": "Trials.data, with Trials.judgement beside it,",
    }
)
"""Fields and attributes that moved, by the name of their class."""


def former_name(offer: object, method: str) -> str | None:
    """Return the old name under which ``offer`` has a method that is called ``method`` now."""
    return next((old for old in METHODS.get(method, ()) if hasattr(offer, old)), None)


def new_name(name: str) -> str | None:
    """Return the present name of a module, a name or ``Class.attribute``, given in full; None where none is known.

    Of a name in a module that moved it is the one that is exported, if it is.
    """
    known = NAMES.get(name) or MODULES.get(name) or ATTRIBUTES.get(name)
    module, _, last = name.rpartition(".")
    return known or (exported_name(MODULES[module], last) if module in MODULES else None)


def exported_name(module: str, name: str) -> str | None:
    """Return the name, in full, under which ``snnfw`` or the package of a module of it exports a name for everybody."""
    package, _, rest = module.partition(".")
    rooms = (package, f"{package}.{rest.partition('.')[0]}") if package == "snnfw" else ()
    return next((f"{room}.{name}" for room in rooms if name in getattr(import_module(room), "__all__", ())), None)
