"""What every field of the policy and of the settings means, in one plain sentence each.

For people who decide and never read the code: the Settings page and the reference pages show them.
"""

from __future__ import annotations

from collections.abc import Mapping

SECTIONS: Mapping[str, str] = {
    "monitor": "When an alarm is raised",
    "harm": "What counts as harm",
    "labels": "How many labels a case may ask for",
    "training": "How a cure is trained",
    "gates": "What a challenger must show before it sees traffic",
    "rollout": "How a challenger reaches production",
    "autonomy": "What the loop may do without a person",
    "triggers": "What starts a turn besides an alarm",
    "limits": "How often the loop may turn",
    "cost": "When a cure is worth its price",
    "data": "What the tests of the data demand",
}

POLICY: Mapping[str, str] = {
    "monitor.mode": "pfa: the chance of ever raising a false alarm is bounded. arl: false alarms "
    "may come, but rarely.",
    "monitor.alpha": "Mode pfa: the largest chance of ever raising a false alarm. The alarm line "
    "is one divided by it: 0.01 puts it at 100.",
    "monitor.arl": "Mode arl: images that pass between two false alarms, on average at least.",
    "monitor.calibration": "Images that are needed to learn what normal looks like, before "
    "watching begins.",
    "monitor.reference": "What counts as normal at first: the images kept out of training "
    "(heldout), or the first ones of production.",
    "monitor.block": "How many images in a row of one camera count as one; more for cameras that "
    "send nearly the same picture again and again.",
    "monitor.scores": "What is watched: how sure the model is, how unusual images look to it, how "
    "easily new images are told from old ones, and, of boxes and masks, how many, how large and "
    "how sure they are (outputs).",
    "harm.tolerance": "How much more often the model may be wrong on the new images before that "
    "counts as harm.",
    "harm.alpha": "The largest chance of a wrong verdict.",
    "harm.min_share": "A change that touches a smaller share of the images is watched, not healed.",
    "labels.per_case": "Labels that one case may ask for, in all.",
    "labels.verdict_batch": "Labels asked at a time to find out whether there is harm.",
    "labels.training": "Labelled images of the new kind that training waits for.",
    "labels.comparison": "Labels kept for comparing challenger and champion.",
    "labels.uniform_share": "Share of the labels that is drawn at random, so that nothing is "
    "overlooked.",
    "training.recipe": "finetune: go on from the champion, with old images mixed in. scratch: "
    "start anew.",
    "training.unlabelled": "Images of the new kind that help training without being labelled, at "
    "most.",
    "training.parameters": "Parameters of the training run, such as steps or learning rate.",
    "gates.max_drop": "How much less often the challenger may be right on the champion's test "
    "images.",
    "gates.min_accuracy": "Share of right answers that the challenger must reach; empty for none.",
    "gates.max_robustness_drop": "How much less often it may be right on spoilt images (noise, "
    "blur, light).",
    "gates.max_latency_ratio": "How many times as long it may take for an image.",
    "rollout.shadow": "Share of the requests that the challenger answers silently, for comparison.",
    "rollout.shadow_requests": "Requests that both models must have answered before the comparison "
    "can end.",
    "rollout.promote_e": "Evidence that the challenger is better, needed for a promotion: 20 means "
    "that a challenger which is no better gets there in less than 1 of 20 cases.",
    "rollout.canary": "Shares of the traffic that the challenger answers for real, one after the "
    "other.",
    "rollout.canary_requests": "Answers that each of these shares is held for.",
    "rollout.max_latency_ratio": "A trial ends when the challenger takes so many times as long as "
    "the champion.",
    "rollout.watch_requests": "Answers after a promotion during which the former champion answers "
    "in shadow and the way back stays armed.",
    "rollout.watch_labels": "Labels about disagreements of the two, at most, to see whether the "
    "promotion was right; 0 asks for none.",
    "autonomy.label": "Asking people for labels: only suggest it, ask first, or act.",
    "autonomy.train": "Training a challenger: only suggest it, ask first, or act.",
    "autonomy.promote": "Promoting a challenger: only suggest it, ask first, or act.",
    "triggers.new_labels": "New labels that start a training without an alarm; empty for never.",
    "triggers.every_days": "Days after which there is a training without an alarm, if there is any "
    "new label; empty for never.",
    "limits.cooldown_seconds": "Seconds after a case before another may open.",
    "limits.turns_per_day": "Challengers that may be trained in a day, at most.",
    "limits.turns_per_week": "Challengers that may be trained in a week, at most.",
    "limits.freeze_after": "Returns to an earlier model after which the loop stops and waits for a "
    "person.",
    "limits.attempts": "How often a change is tried to be cured before it counts as normal.",
    "limits.retry_images": "Images that must come before another try.",
    "cost.horizon": "Images over which a cure has to pay.",
    "cost.per_error": "What one wrong answer costs, in your unit.",
    "cost.per_label": "What one label costs, in the same unit.",
    "cost.per_turn": "What one training and swap costs, in the same unit.",
    "data.min_per_class": "Training images that every class must have.",
    "data.near_bits": "How alike two images must be to count as near-duplicates: 0 is the same, 8 "
    "is loosely alike.",
    "data.max_balance_change": "How much a class's share may change against the version before.",
    "data.max_statistics_shift": "How far brightness, contrast and the like may move against the "
    "version before, in standard deviations.",
    "data.strict": "Findings that fail the test instead of warning: near-duplicates, class "
    "balance, statistics.",
}

SETTINGS: Mapping[str, str] = {
    "database": "Where facts are kept: empty for SQLite in the workspace, or a PostgreSQL URL.",
    "store": "Where images and models are kept: empty for a folder in the workspace, or a URL.",
    "host": "Address that the control plane listens on.",
    "port": "Port of the control plane and this page.",
    "inference_port": "Port of the inference server.",
    "author": "Who signs labels, versions and decisions made from this machine.",
    "max_pixels": "Largest image that is opened, in pixels.",
    "max_upload_megabytes": "Largest upload of one file.",
    "max_import_megabytes": "Largest import through the browser, all files together.",
    "search_megabytes": "Memory that one project's rows may take so that searches are quick; 0: "
    "searches always ask the database.",
    "threads": "Processor threads of a training run; 0: as many as there are cores.",
    "log_level": "How much is written to the log.",
    "ray_address": "Ray cluster that trains; empty: this machine.",
}
