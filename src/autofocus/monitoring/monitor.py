"""The monitor: per-image scores, online conformal p-values, bets, an alarm that can be trusted.

Pure numpy, no I/O. Scores per image, all from the serving pass:

- ``confidence``: 1 - highest probability;
- ``mahalanobis``: squared length of the whitened embedding;
- ``count``, ``size``, ``score`` where objects are seen: how many, how large, how sure (policy:
  ``outputs``);
- ``domain``: projection on the direction that best separates recent images from earlier ones
  (Fisher's linear discriminant), fitted again every :data:`REFIT` images.

Each score feeds its own stream of p-values and its own wealth. The streams live in different
filtrations (each knows only its own ranks), and an average of e-processes over different
filtrations need not be one (Choe and Ramdas, Combining evidence across filtrations). So in mode
``pfa`` the alarm is raised when any stream reaches its share of 1/alpha, a union bound, and
``e_value`` is the largest wealth times its weight: P(ever >= 1/alpha) <= alpha. It costs at most
log 3 against the average. Mode ``arl`` averages the Shiryaev-Roberts detectors.

**Neighbours that resemble each other** (frames of one camera) break exchangeability, and any bet
then wins without a change. ``policy.block`` averages them beforehand. Where that was not set, an
alarm of mode ``pfa`` must outlive a burst of odd frames (:data:`PATIENCE`), and the p-values on
both sides of the supposed change are looked at before it is raised: if they are clearly
autocorrelated, the monitor goes over to blocks of twice the correlation length, starts anew on
the images it remembers, and says so in its status (``dependent``). This can only withhold an
alarm, so what is promised for independent images stays true; for dependent ones it is a help,
not a promise: set ``policy.block`` where the dependence is known.

**Why the direction score is honest.** A direction fitted on images that are then ranked would
make new images look different from the fitted ones without any drift. So every image gets one of
two folds by a coin. Fold 0 is ranked, and bet on, only along directions fitted on fold 1, and the
other way round, as two streams with half the weight each. Given all of fold 1, the images of fold
0 are exchangeable whatever their direction is, and a change of direction re-ranks the whole bag,
which knows the images of the past but not their order.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.config.policy import MonitorPolicy
from autofocus.errors import Corrupted, InvalidInput
from autofocus.monitoring.betting import MAX_ROWS, WEIGHTS, Trace, Wealth
from autofocus.monitoring.conformal import merge, online_p_values, thin
from autofocus.monitoring.reference import Reference
from autofocus.types.answers import OUTPUTS
from autofocus.types.codec import decode, encode
from autofocus.types.production import Signal, Window

FORMAT = 2
SCORES = ("confidence", "mahalanobis", "domain", "outputs")
# A bag holds between KEEP and FULL scores, a fold between FOLD_KEEP and FOLD_FULL images: about
# 0.7 MB of state with 32 whitened dimensions. Old images are forgotten at random, slowly enough
# that a change of hundreds of images is never absorbed.
FULL, KEEP = 8192, 6144
FOLD_FULL, FOLD_KEEP = 2048, 1536
REFIT = 256
RECENT = 512
MIN_RECENT, MIN_OLD = 64, 100
# When more blocks are open, the oldest joins a block of leftovers: keys that never come again
# must not make the monitor blind.
MAX_OPEN_BLOCKS = 64
MIN_BLOCKS = 20
LEFTOVERS = "\0leftovers"
# How far back an alarm looks for dependence between neighbours, and what counts as such.
PAST = 512
MIN_PAST = 32
# Images that an alarm of mode pfa waits for after the supposed change, its evidence still standing.
PATIENCE = 32
MAX_LAG = 32
MAX_BLOCK = 64


class _Fold:
    """The images of one coin side: whitened embeddings, arrival, and their direction scores."""

    def __init__(self, k: int) -> None:
        self.features = np.zeros((FOLD_FULL + MAX_ROWS, k), np.float32)
        self.arrival = np.zeros(FOLD_FULL + MAX_ROWS, np.int64)
        self.size = 0
        # Fitted on the other fold; None until there are enough images.
        self.direction: npt.NDArray[np.float32] | None = None

    def add(self, features: npt.NDArray[np.float32], arrival: npt.NDArray[np.int64]) -> None:
        self.features[self.size : self.size + len(features)] = features
        self.arrival[self.size : self.size + len(features)] = arrival
        self.size += len(features)

    def keep(self, index: npt.NDArray[np.int64]) -> None:
        self.features[: len(index)] = self.features[index]
        self.arrival[: len(index)] = self.arrival[index]
        self.size = len(index)

    def scores(self, direction: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Sorted direction scores of the images held."""
        return np.sort(self.features[: self.size] @ direction)


class _Past:
    """The last images taken one by one: plain scores, embeddings, their p-values, names."""

    ARRAYS = ("scores", "whitened", "p", "rows", "ids")

    def __init__(self, k: int, scores: int, streams: int) -> None:
        self.scores = np.zeros((0, scores), np.float32)
        self.whitened = np.zeros((0, k), np.float32)
        self.p = np.zeros((0, streams))
        self.rows = np.zeros(0, np.int64)
        self.ids = np.zeros(0, np.str_)

    def add(self, **new: npt.NDArray[Any]) -> None:
        for name, values in new.items():
            setattr(self, name, np.concatenate([getattr(self, name), values])[-PAST:])

    def block_needed(self, change: int) -> int:
        """Block length that makes means nearly independent; 1 if the p-values show no dependence.

        Before and since the supposed ``change`` each part is compared with its own mean: a change
        itself is no dependence. Clear means 4 standard errors at lag 1.
        """
        seen = ~np.isnan(self.p).any(axis=1)
        p = self.p[seen].copy()
        if len(p) < MIN_PAST:
            return 1
        late = self.rows[seen] >= change
        for part in (late, ~late):
            if part.any():
                p[part] -= p[part].mean(axis=0)
        p[late & (np.cumsum(late) == 1)] = 0.0  # no product across the change
        noise = 1.0 / np.sqrt(len(p))
        longest = 1.0
        for column in p.T:
            power = float(column @ column) + 1e-12
            lags = range(1, min(MAX_LAG, len(p) // 2) + 1)
            r = np.array([float(column[lag:] @ column[:-lag]) / power for lag in lags])
            if r[0] > 4.0 * noise:
                ends = np.flatnonzero(r < 2.0 * noise)
                longest = max(longest, 1.0 + 2.0 * r[: ends[0] if len(ends) else None].sum())
        return 1 if longest == 1.0 else min(MAX_BLOCK, 2 ** int(np.ceil(np.log2(2.0 * longest))))


class Monitor:
    """Watches the predictions of one model, one at a time, and raises a signal once.

    Make one with :meth:`start` or :meth:`restore`.
    """

    def __init__(
        self,
        policy: MonitorPolicy,
        project: str,
        model: str,
        seed: int,
        first_row: int,
        k: int,
        outputs: int = 0,
    ) -> None:
        unknown = sorted(set(policy.scores) - set(SCORES))
        if unknown or not set(policy.scores) - {"outputs"}:
            raise InvalidInput(
                f"monitor.scores names {unknown or 'nothing'}, expected some of {list(SCORES)}."
            )
        self.policy = policy
        self.project = project
        self.model = model
        self.seed = seed
        self.first_row = first_row
        self.rows = first_row
        self.observations = 0
        self.calibrated = 0
        self.alarmed = False
        self.signal: Signal | None = None
        self._k = k
        self._rng = np.random.default_rng([seed, 1])
        self._thin_rng = np.random.default_rng([seed, 2])
        # Scores that are read off an answer, in the order of their columns; all are remembered,
        # those of the policy are bet on.
        self._plain = ("confidence", "mahalanobis", *OUTPUTS[:outputs])
        chosen = [
            name
            for name in self._plain
            if name in policy.scores or (name in OUTPUTS and "outputs" in policy.scores)
        ]
        share = 1.0 / (len(chosen) + ("domain" in policy.scores))
        # Images per observation; grows once if neighbours turn out to be alike.
        self.block = policy.block
        self.dependent = False
        # One stream per score, two for the direction: name and weight of each.
        self._names: list[str] = chosen
        weights = [share] * len(self._names)
        self._domain = len(self._names)
        self._folds: list[_Fold] = []
        if "domain" in policy.scores:
            self._folds = [_Fold(k), _Fold(k)]
            self._names += ["domain", "domain"]
            weights += [share / 2, share / 2]
        self._past = self._no_past()
        self._log_weights = np.log(weights)
        self._bags = [np.zeros(0, np.float32) for _ in self._names]
        self._wealth = Wealth(len(self._names))
        # Open blocks: request key to [images, sums of plain scores and embeddings, first image].
        self._blocks: dict[str, list[Any]] = {}

    @classmethod
    def start(
        cls,
        reference: Reference,
        policy: MonitorPolicy,
        *,
        project: str,
        model: str,
        seed: int = 0,
        first_row: int = 0,
    ) -> Monitor:
        """A monitor that knows ``reference`` as normal.

        Rows that something was fitted on are left out. If fewer than ``policy.calibration``
        remain, the first production images make up the difference before betting begins. With
        ``policy.block`` above 1 the reference is not used at all: means over consecutive frames
        spread differently from means over unrelated images. ``first_row`` is the count that the
        first image follows, so that counts of one model go on over generations.
        """
        if reference.whitened.ndim != 2:
            raise InvalidInput("Reference.whitened must be two-dimensional.")
        outputs = 0 if reference.outputs is None else reference.outputs.shape[1]
        k = reference.whitened.shape[1]
        monitor = cls(policy, project, model, seed, first_row, k, outputs)
        if policy.block == 1:
            monitor._calibrate(reference.unfitted())
        return monitor

    @property
    def threshold(self) -> float:
        """Where the alarm line is: 1/alpha, or the mean number of images between alarms."""
        return 1.0 / self.policy.alpha if self.policy.mode == "pfa" else float(self.policy.arl)

    @property
    def calibrating(self) -> bool:
        """Whether images are still only collected, not tested."""
        return self.calibrated < self._needed

    @property
    def _needed(self) -> int:
        if self.block > 1:
            return max(MIN_BLOCKS, self.policy.calibration // self.block)
        return self.policy.calibration

    # -- taking in images ----------------------------------------------------------------

    def update(self, window: Window) -> list[Signal]:
        """Take in rows of this model in the order they were answered; the alarm, if raised now.

        After an alarm the evidence goes on growing, but nothing more is raised: what happens
        next is decided by a case, and ends in a new reference.
        """
        if len(window) == 0:
            return []
        outputs = len(self._plain) - 2
        if window.whitened.shape[1] != self._k or window.outputs.shape[1] < outputs:
            raise InvalidInput(
                f"The window has {window.whitened.shape[1]} whitened dimensions and "
                f"{window.outputs.shape[1]} outputs, the reference {self._k} and {outputs}.",
                hint="Give the monitor the predictions of its own model only.",
            )
        whitened = np.asarray(window.whitened, np.float32)
        rows = self.rows + 1 + np.arange(len(window))
        self.rows += len(window)
        ids = window.ids
        plain = _plain(window.confidence, whitened, window.outputs[:, :outputs])
        raised: list[Signal] = []
        taken = 0
        if self.block == 1:
            raised, taken = self._observe(plain, whitened, rows, rows, ids, ids)
            if self.block > 1:
                raised += self._start_anew()
        if taken < len(window):
            rest = slice(taken, None)
            # Without a key of its own an image belongs to the one unnamed camera.
            keys = np.where(window.request_key == ids, "", window.request_key)
            raised += self._update_blocks(
                np.full(len(keys), "") if self.dependent else keys,
                plain,
                whitened,
                rows,
                ids,
                rest,
            )
        return raised

    def _start_anew(self) -> list[Signal]:
        """Go over to blocks, beginning with the images remembered."""
        past = self._past
        self.calibrated = 0
        self._bags = [np.zeros(0, np.float32) for _ in self._names]
        self._wealth = Wealth(len(self._names))
        self._folds = [_Fold(self._k) for _ in self._folds]
        self._past = self._no_past()
        return self._update_blocks(
            np.full(len(past.rows), ""),
            past.scores,
            past.whitened,
            past.rows,
            past.ids,
            slice(None),
        )

    def _no_past(self) -> _Past:
        return _Past(self._k, len(self._plain), max(self._domain, 1))

    def _update_blocks(
        self,
        keys: npt.NDArray[np.str_],
        plain: npt.NDArray[np.float32],
        whitened: npt.NDArray[np.float32],
        rows: npt.NDArray[np.int64],
        ids: npt.NDArray[np.str_],
        part: slice,
    ) -> list[Signal]:
        """Average ``block`` images of a request key, then observe the means."""
        done: list[list[Any]] = []
        for i in range(len(rows))[part]:
            one = [1, plain[i].astype(np.float64), whitened[i].astype(np.float64)]
            end = (int(rows[i]), str(ids[i]))
            key = str(keys[i])
            if key not in self._blocks and len(self._blocks) >= MAX_OPEN_BLOCKS:
                oldest = next(k for k in self._blocks if k != LEFTOVERS)
                self._fill(LEFTOVERS, self._blocks.pop(oldest), end, done)
            self._fill(key, [*one, *end], end, done)
        if not done:
            return []
        size = np.array([b[0] for b in done], np.float64)[:, None]
        return self._observe(
            (np.array([b[1] for b in done]) / size).astype(np.float32),
            (np.array([b[2] for b in done]) / size).astype(np.float32),
            np.array([b[3] for b in done], np.int64),
            np.array([b[5] for b in done], np.int64),
            np.array([b[4] for b in done]),
            np.array([b[6] for b in done]),
        )[0]

    def _fill(self, key: str, more: list[Any], end: tuple[int, str], done: list[list[Any]]) -> None:
        """Put images into the block of ``key``; a full one goes to ``done``."""
        block = self._blocks.get(key)
        block = more if block is None else [*(block[i] + more[i] for i in range(3)), *block[3:]]
        if block[0] >= self.block:
            done.append([*block, *end])
            self._blocks.pop(key, None)
        else:
            self._blocks[key] = block

    def _observe(
        self,
        plain: npt.NDArray[np.float32],
        whitened: npt.NDArray[np.float32],
        first: npt.NDArray[np.int64],
        last: npt.NDArray[np.int64],
        first_ids: npt.NDArray[np.str_],
        last_ids: npt.NDArray[np.str_],
    ) -> tuple[list[Signal], int]:
        """Signals, and how many observations were taken: fewer than there are only if it turned
        out on the way that blocks are needed."""
        raised: list[Signal] = []
        begin, block = 0, self.block
        while begin < len(plain) and self.block == block:
            # Chunks end at multiples of MAX_ROWS, so refits fall on the same image however
            # the stream is cut into windows; calibration ends on a chunk's end, too.
            room = MAX_ROWS - self.observations % MAX_ROWS
            if self.calibrating:
                room = min(room, self._needed - self.calibrated)
            part = slice(begin, min(begin + room, len(plain)))
            signal = self._chunk(
                plain[part],
                whitened[part],
                first[part],
                last[part],
                first_ids[part],
                last_ids[part],
            )
            if signal is not None:
                raised.append(signal)
            begin = part.stop
        return raised, begin

    def _chunk(
        self,
        plain: npt.NDArray[np.float32],
        whitened: npt.NDArray[np.float32],
        first: npt.NDArray[np.int64],
        last: npt.NDArray[np.int64],
        first_ids: npt.NDArray[np.str_],
        last_ids: npt.NDArray[np.str_],
    ) -> Signal | None:
        n = len(whitened)
        draws = self._rng.random((n, 4))
        # Outputs hold many equal values: they need ties of their own.
        more = self._rng.random((n, len(self._plain) - 2))
        ties_of = {"confidence": draws[:, 0], "mahalanobis": draws[:, 1]}
        ties_of |= {name: more[:, i] for i, name in enumerate(self._plain[2:])}
        betting = not self.calibrating
        p = np.full((n, len(self._names)), np.nan)
        for i in range(self._domain):
            scores = plain[:, self._plain.index(self._names[i])]
            if betting:
                p[:, i] = online_p_values(self._bags[i], scores, ties_of[self._names[i]])
            self._bags[i] = merge(self._bags[i], scores)
        side = draws[:, 3] < 0.5
        for i, fold in enumerate(self._folds, start=self._domain):
            index = np.flatnonzero(side == bool(i - self._domain))
            fold.add(whitened[index], self.observations + index)
            if fold.direction is not None:
                scores = whitened[index] @ fold.direction
                if betting:
                    p[index, i] = online_p_values(self._bags[i], scores, draws[index, 2])
                self._bags[i] = merge(self._bags[i], scores)
        if self.block == 1:
            self._past.add(
                scores=plain,
                whitened=whitened,
                p=p[:, : max(self._domain, 1)],
                rows=first,
                ids=first_ids,
            )
        signal = None
        if betting:
            trace = self._wealth.trace(p)
            if not self.alarmed:
                signal = self._look(trace, first, first_ids, last, last_ids)
            self._wealth.commit(trace, first, first_ids)
        else:
            self.calibrated += n
        self.observations += n
        self._forget()
        if self._folds and self.observations % REFIT == 0:
            self._refit()
        return signal

    def _look(
        self,
        trace: Trace,
        first: npt.NDArray[np.int64],
        first_ids: npt.NDArray[np.str_],
        last: npt.NDArray[np.int64],
        last_ids: npt.NDArray[np.str_],
    ) -> Signal | None:
        """The signal of this chunk, if the alarm line is reached in it."""
        arl = self.policy.mode == "arl"
        level = (trace.log_r if arl else trace.log_e) + self._log_weights
        total = self._total(level)
        for at in np.flatnonzero(total >= np.log(self.threshold)).tolist():
            lead = int(np.argmax(level[at]))
            change_at, change_id = self._wealth.change(trace, at, lead, first, first_ids, arl=arl)
            # A burst of a few odd frames is over soon, and the evidence with it.
            if arl or self.block > 1 or int(first[at]) - change_at + 1 >= PATIENCE:
                break
        else:
            return None
        if self.block == 1:
            self.block = self._past.block_needed(change_at)
            if self.block > 1:
                self.dependent = True
                return None
        self.alarmed = True
        self.signal = Signal(
            project=self.project,
            model=self.model,
            mode=self.policy.mode,
            e_value=float(np.exp(total[at])),
            threshold=self.threshold,
            at=int(last[at]),
            change_at=change_at,
            first_prediction=change_id,
            last_prediction=str(last_ids[at]),
            leading_score=self._names[lead],
            scores=self._by_score(level[at]),
        )
        return self.signal

    def _total(self, level: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Log evidence over streams (..., s): the largest in mode pfa, the sum in mode arl."""
        if self.policy.mode == "arl":
            return np.asarray(np.logaddexp.reduce(level, axis=-1))
        return np.asarray(level.max(axis=-1))

    def _by_score(self, level: npt.NDArray[np.float64]) -> dict[str, float]:
        """The larger of a score's streams, each times its weight."""
        out: dict[str, float] = {}
        for name, value in zip(self._names, np.exp(level).tolist(), strict=True):
            out[name] = max(out.get(name, 0.0), value)
        return out

    def _forget(self) -> None:
        """Thin what is full by a random subset, drawn without looking."""
        for i in range(self._domain):
            if len(self._bags[i]) >= FULL:
                self._bags[i] = self._bags[i][thin(len(self._bags[i]), KEEP, self._thin_rng)]
        for i, fold in enumerate(self._folds, start=self._domain):
            if fold.size >= FOLD_FULL:
                fold.keep(thin(fold.size, FOLD_KEEP, self._thin_rng))
                if fold.direction is not None:
                    self._bags[i] = fold.scores(fold.direction)

    def _refit(self) -> None:
        """New directions from past images, each for the other fold; re-rank the bags."""
        directions = [self._direction(fold) for fold in self._folds]
        for i, fold in enumerate(self._folds):
            direction = directions[1 - i]
            if direction is not None:
                fold.direction = direction
                self._bags[self._domain + i] = fold.scores(direction)

    def _direction(self, fold: _Fold) -> npt.NDArray[np.float32] | None:
        """Unit direction from earlier to recent images of a fold; None while there are few."""
        x = fold.features[: fold.size]
        new = x[fold.arrival[: fold.size] >= self.observations - RECENT]
        n_old = len(x) - len(new)
        if len(new) < MIN_RECENT or n_old < MIN_OLD:
            return None
        mean_new = new.mean(axis=0, dtype=np.float64)
        mean_old = (x.sum(axis=0, dtype=np.float64) - mean_new * len(new)) / n_old
        spread = (x.T @ x - new.T @ new).astype(np.float64) / n_old - np.outer(mean_old, mean_old)
        # Shrink towards a multiple of the identity: few images, many dimensions.
        level = max(float(np.trace(spread)) / self._k, 1e-12)
        shrink = min(1.0, 5.0 * self._k / n_old)
        spread = (1.0 - shrink) * spread + shrink * level * np.eye(self._k)
        direction = np.linalg.solve(spread, mean_new - mean_old)
        length = float(np.linalg.norm(direction))
        return None if length == 0.0 else (direction / length).astype(np.float32)

    def _calibrate(self, reference: Reference) -> None:
        """Put the reference into the bags and the folds."""
        n = len(reference)
        whitened = np.asarray(reference.whitened, np.float32)
        outputs = np.zeros((n, 0), np.float32) if reference.outputs is None else reference.outputs
        plain = _plain(reference.confidence, whitened, outputs)
        for i in range(self._domain):
            bag = np.sort(plain[:, self._plain.index(self._names[i])])
            self._bags[i] = bag[thin(n, KEEP, self._thin_rng)]
        side = self._rng.random(n) < 0.5
        for i, fold in enumerate(self._folds):
            mine = whitened[side == bool(i)]
            mine = mine[thin(len(mine), FOLD_KEEP, self._thin_rng)]
            # Older than anything in production.
            fold.add(mine, np.full(len(mine), -RECENT - 1))
        self.calibrated = n

    # -- what it knows -------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """JSON-safe summary: counts, evidence, the alarm line and how far away it is.

        ``e_value`` is comparable with ``threshold``; ``change_at`` is where a change would have
        begun if there is one.
        """
        wealth = self._wealth
        arl = self.policy.mode == "arl"
        level = (wealth.log_r if arl else wealth.log_e) + self._log_weights
        total = float(self._total(level))
        lead = int(np.argmax(level))
        bet = int(np.argmax((wealth.detector if arl else wealth.mixture)[lead] + np.log(WEIGHTS)))
        return {
            "project": self.project,
            "model": self.model,
            "mode": self.policy.mode,
            "rows": self.rows,
            "images": self.rows - self.first_row,
            "calibrating": self.calibrating,
            "calibration_needed": max(self._needed - self.calibrated, 0),
            "e_value": float(np.exp(total)),
            "log_e_value": total if np.isfinite(total) else None,
            "threshold": self.threshold,
            "log_threshold": float(np.log(self.threshold)),
            "alarmed": self.alarmed,
            "dependent": self.dependent,
            "block": self.block,
            "leading_score": self._names[lead],
            "change_at": int(wealth.low_at[lead, bet]),
            "scores": self._by_score(level),
            "signal": encode(self.signal) if self.signal is not None else None,
        }

    # -- survival ------------------------------------------------------------------------

    def state(self) -> bytes:
        """Everything, as one npz without pickle; :meth:`restore` continues bit by bit."""
        header = {
            "format": FORMAT,
            "policy": encode(self.policy),
            "project": self.project,
            "model": self.model,
            "seed": self.seed,
            "first_row": self.first_row,
            "rows": self.rows,
            "k": self._k,
            "outputs": len(self._plain) - 2,
            "observations": self.observations,
            "calibrated": self.calibrated,
            "alarmed": self.alarmed,
            "block": self.block,
            "dependent": self.dependent,
            "signal": encode(self.signal) if self.signal is not None else None,
            "rng": self._rng.bit_generator.state,
            "thin_rng": self._thin_rng.bit_generator.state,
            "count": self._wealth.count,
            "blocks": {
                k: [b[0], b[1].tolist(), b[2].tolist(), *b[3:]] for k, b in self._blocks.items()
            },
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "header": np.frombuffer(json.dumps(header).encode(), np.uint8)
        }
        for i, bag in enumerate(self._bags):
            arrays[f"bag{i}"] = bag
        for name in Wealth.ARRAYS:
            arrays[name] = getattr(self._wealth, name)
        for name in _Past.ARRAYS:
            arrays[f"past_{name}"] = getattr(self._past, name)
        for i, fold in enumerate(self._folds):
            arrays[f"features{i}"] = fold.features[: fold.size]
            arrays[f"arrival{i}"] = fold.arrival[: fold.size]
            if fold.direction is not None:
                arrays[f"direction{i}"] = fold.direction
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def restore(cls, state: bytes) -> Monitor:
        """The monitor that :meth:`state` described; raises Corrupted if it cannot be read."""
        import zipfile

        try:
            with np.load(io.BytesIO(state)) as data:
                arrays = {name: data[name] for name in data.files}
            header = json.loads(arrays["header"].tobytes())
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as exc:
            raise Corrupted(
                f"The state of a monitor cannot be read: {exc}.",
                hint="Take a new reference for the champion.",
            ) from exc
        if header.get("format") != FORMAT:
            raise Corrupted(
                f"The state of a monitor has format {header.get('format')}, expected {FORMAT}.",
                hint="Take a new reference for the champion.",
            )
        monitor = cls(
            decode(MonitorPolicy, header["policy"]),
            header["project"],
            header["model"],
            header["seed"],
            header["first_row"],
            header["k"],
            header["outputs"],
        )
        monitor.rows = header["rows"]
        monitor.observations = header["observations"]
        monitor.calibrated = header["calibrated"]
        monitor.alarmed = header["alarmed"]
        monitor.block = header["block"]
        monitor.dependent = header["dependent"]
        for name in _Past.ARRAYS:
            setattr(monitor._past, name, arrays[f"past_{name}"])
        if header["signal"] is not None:
            monitor.signal = decode(Signal, header["signal"])
        monitor._rng.bit_generator.state = header["rng"]
        monitor._thin_rng.bit_generator.state = header["thin_rng"]
        monitor._blocks = {
            k: [b[0], np.array(b[1]), np.array(b[2]), *b[3:]] for k, b in header["blocks"].items()
        }
        monitor._bags = [arrays[f"bag{i}"] for i in range(len(monitor._names))]
        monitor._wealth.count = header["count"]
        for name in Wealth.ARRAYS:
            setattr(monitor._wealth, name, arrays[name])
        for i, fold in enumerate(monitor._folds):
            fold.add(arrays[f"features{i}"], arrays[f"arrival{i}"])
            fold.direction = arrays.get(f"direction{i}")
        return monitor


def _plain(
    confidence: npt.NDArray[np.float32],
    whitened: npt.NDArray[np.float32],
    outputs: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """The scores read off answers, (n, 2 + outputs): uncertainty, distance, outputs."""
    uncertain = np.float32(1.0) - np.asarray(confidence, np.float32)
    distant = np.einsum("ij,ij->i", whitened, whitened)
    pair = np.stack([uncertain, distant], axis=1)
    return np.concatenate([pair, np.asarray(outputs, np.float32)], axis=1)
