/** What the assist tools compute, in plain arrays: superpixels, cut-outs, and paths along edges. */

import type { Picture } from "./pixels";
import { trimmed, type Patch } from "./rle";
import type { Box, Point } from "./shapes";

/** CIE L*a*b* of each pixel: in it distances are what people see. */
export function lab({ width, height, data }: Picture): Float32Array {
  const linear = Float32Array.from({ length: 256 }, (_, v) => {
    const c = v / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  const root = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const found = new Float32Array(3 * width * height);
  for (let i = 0; i < width * height; i += 1) {
    const r = linear[data[4 * i]!]!;
    const g = linear[data[4 * i + 1]!]!;
    const b = linear[data[4 * i + 2]!]!;
    const x = root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    const y = root(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const z = root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    found[3 * i] = 116 * y - 16;
    found[3 * i + 1] = 500 * (x - y);
    found[3 * i + 2] = 200 * (y - z);
  }
  return found;
}

/**
 * Patches of one look, about `size` pixels across (SLIC, Achanta 2012): clusters of colour and
 * place, each only sought near its middle; crumbs join the patch beside them. One number a pixel.
 */
export function superpixels(picture: Picture, size: number, compactness = 12): Int32Array {
  const { width, height } = picture;
  const colours = lab(picture);
  const step = Math.max(4, size);
  const centres: number[][] = [];
  for (let y = step / 2; y < height; y += step) {
    for (let x = step / 2; x < width; x += step) {
      const at = 3 * (Math.floor(y) * width + Math.floor(x));
      centres.push([colours[at]!, colours[at + 1]!, colours[at + 2]!, x, y]);
    }
  }
  const labels = new Int32Array(width * height);
  const far = new Float32Array(width * height);
  const weight = (compactness / step) ** 2;
  for (let round = 0; round < 6; round += 1) {
    far.fill(Infinity);
    centres.forEach(([l, a, b, cx, cy], n) => {
      const left = Math.max(0, Math.floor(cx! - step));
      const right = Math.min(width, Math.ceil(cx! + step));
      const bottom = Math.min(height, Math.ceil(cy! + step));
      for (let y = Math.max(0, Math.floor(cy! - step)); y < bottom; y += 1) {
        for (let x = left, at = y * width + left; x < right; x += 1, at += 1) {
          const dl = colours[3 * at]! - l!;
          const da = colours[3 * at + 1]! - a!;
          const db = colours[3 * at + 2]! - b!;
          const dx = x - cx!;
          const dy = y - cy!;
          const d = dl * dl + da * da + db * db + weight * (dx * dx + dy * dy);
          if (d < far[at]!) {
            far[at] = d;
            labels[at] = n;
          }
        }
      }
    });
    const sums = new Float64Array(6 * centres.length);
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        const to = 6 * labels[at]!;
        for (let c = 0; c < 3; c += 1) sums[to + c]! += colours[3 * at + c]!;
        sums[to + 3]! += x;
        sums[to + 4]! += y;
        sums[to + 5]! += 1;
      }
    }
    centres.forEach((centre, n) => {
      const count = sums[6 * n + 5]!;
      if (count) for (let c = 0; c < 5; c += 1) centre[c] = sums[6 * n + c]! / count;
    });
  }
  return joined(labels, width, height, (step * step) / 4);
}

/** Connected patches, numbered anew; those below `least` pixels join the one found before them. */
function joined(labels: Int32Array, width: number, height: number, least: number): Int32Array {
  const found = new Int32Array(labels.length).fill(-1);
  const queue = new Int32Array(labels.length);
  let next = 0;
  for (let start = 0; start < labels.length; start += 1) {
    if (found[start]! >= 0) continue;
    let beside = -1;
    let end = 1;
    queue[0] = start;
    found[start] = next;
    for (let at = 0; at < end; at += 1) {
      const place = queue[at]!;
      const x = place % width;
      for (const [near, there] of [
        [place - 1, x > 0], [place + 1, x < width - 1], [place - width, place >= width], [place + width, place < width * (height - 1)],
      ] as const) {
        if (!there) continue;
        if (found[near]! < 0 && labels[near] === labels[start]) {
          found[near] = next;
          queue[end] = near;
          end += 1;
        } else if (found[near]! >= 0 && found[near] !== next) beside = found[near]!;
      }
    }
    if (end < least && beside >= 0) for (let at = 0; at < end; at += 1) found[queue[at]!] = beside;
    else next += 1;
  }
  return found;
}

const BINS = 12;

/** How often colours occur, smoothed over neighbouring bins: a look as a histogram. */
class Look {
  private readonly bins = new Float64Array(BINS ** 3);
  private total = 0;

  add(bin: number, weight: number): void {
    this.bins[bin]! += weight;
    this.total += weight;
  }

  /** Minus the logarithm of how likely each bin is. */
  costs(): Float64Array {
    let now = this.bins;
    for (const stride of [1, BINS, BINS * BINS]) {
      const smooth = new Float64Array(now.length);
      for (let i = 0; i < now.length; i += 1) {
        const at = Math.floor(i / stride) % BINS;
        smooth[i] = 0.5 * now[i]! + 0.25 * (at > 0 ? now[i - stride]! : now[i]!) + 0.25 * (at < BINS - 1 ? now[i + stride]! : now[i]!);
      }
      now = smooth;
    }
    const total = this.total + 1e-9;
    return now.map((n) => -Math.log((n / total) * 0.98 + 0.02 / now.length));
  }
}

/**
 * The object in a box, as GrabCut finds it (Rother 2004): colours of inside and outside as two
 * looks, and a border that is short and follows edges. The cut is solved in its continuous form
 * (Chan 2006) by primal-dual steps (Chambolle 2011), whose threshold is a smallest cut as well.
 */
export function cutout(picture: Picture, box: Box): Patch | undefined {
  const { data } = picture;
  const pad = Math.max(4, Math.round(0.15 * Math.max(box.width, box.height)));
  const left = Math.max(0, Math.floor(box.x) - pad);
  const top = Math.max(0, Math.floor(box.y) - pad);
  const right = Math.min(picture.width, Math.ceil(box.x + box.width) + pad);
  const bottom = Math.min(picture.height, Math.ceil(box.y + box.height) + pad);
  const width = right - left;
  const height = bottom - top;
  if (width < 4 || height < 4) return undefined;
  const count = width * height;
  const bin = new Int32Array(count);
  const inBox = new Uint8Array(count);
  const grey = new Float32Array(count);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      const from = 4 * ((y + top) * picture.width + x + left);
      const [r, g, b] = [data[from]!, data[from + 1]!, data[from + 2]!];
      bin[at] = Math.floor((r * BINS) / 256) + BINS * Math.floor((g * BINS) / 256) + BINS * BINS * Math.floor((b * BINS) / 256);
      grey[at] = 0.3 * r + 0.59 * g + 0.11 * b;
      const px = x + left + 0.5;
      const py = y + top + 0.5;
      if (px >= box.x && px <= box.x + box.width && py >= box.y && py <= box.y + box.height) inBox[at] = 1;
    }
  }
  const edge = edges(data, picture.width, left, top, width, height);
  // At first the object is the ellipse in the box, which its corners are not part of.
  const share = new Float32Array(count);
  for (let at = 0; at < count; at += 1) {
    const dx = (2 * (left + (at % width) + 0.5 - box.x)) / box.width - 1;
    const dy = (2 * (top + Math.floor(at / width) + 0.5 - box.y)) / box.height - 1;
    share[at] = inBox[at] ? (dx * dx + dy * dy < 0.8 ? 0.9 : 0.35) : 0;
  }
  for (let round = 0; round < 4; round += 1) {
    const object = new Look();
    const ground = new Look();
    for (let at = 0; at < count; at += 1) {
      object.add(bin[at]!, share[at]!);
      ground.add(bin[at]!, 1 - share[at]!);
    }
    const a = object.costs();
    const b = ground.costs();
    const cost = new Float32Array(count);
    for (let at = 0; at < count; at += 1) {
      cost[at] = inBox[at] ? Math.max(-4, Math.min(4, a[bin[at]!]! - b[bin[at]!]!)) : 50;
    }
    smooth(share, cost, edge, width, height, 60);
  }
  const bits = Uint8Array.from(share, (u) => (u > 0.5 ? 1 : 0));
  return trimmed(largest({ x: left, y: top, width, height, bits }));
}

/** How little a border costs between a pixel and the ones to the right and below. */
function edges(data: Uint8ClampedArray, stride: number, left: number, top: number, width: number, height: number): Float32Array {
  const found = new Float32Array(2 * width * height);
  const difference = (a: number, b: number) => (data[a]! - data[b]!) ** 2 + (data[a + 1]! - data[b + 1]!) ** 2 + (data[a + 2]! - data[b + 2]!) ** 2;
  let sum = 0;
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      const here = 4 * ((y + top) * stride + x + left);
      const across = x < width - 1 ? difference(here, here + 4) : 0;
      const down = y < height - 1 ? difference(here, here + 4 * stride) : 0;
      found[2 * at] = across;
      found[2 * at + 1] = down;
      sum += across + down;
    }
  }
  const scale = sum / (2 * width * height) + 1e-6;
  const strength = 3;
  return found.map((d) => strength * (0.05 + 0.95 * Math.exp(-d / (2 * scale))));
}

/** Moves `share` towards the cheapest cut: `cost` of being inside against the length of the border. */
function smooth(share: Float32Array, cost: Float32Array, edge: Float32Array, width: number, height: number, rounds: number): void {
  const count = width * height;
  const px = new Float32Array(count);
  const py = new Float32Array(count);
  const ahead = share.slice();
  const tau = 0.35;
  const sigma = 0.35;
  for (let round = 0; round < rounds; round += 1) {
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        const gx = x < width - 1 ? ahead[at + 1]! - ahead[at]! : 0;
        const gy = y < height - 1 ? ahead[at + width]! - ahead[at]! : 0;
        const wx = edge[2 * at]!;
        const wy = edge[2 * at + 1]!;
        px[at] = Math.max(-wx, Math.min(wx, px[at]! + sigma * gx));
        py[at] = Math.max(-wy, Math.min(wy, py[at]! + sigma * gy));
      }
    }
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        const divergence = px[at]! - (x > 0 ? px[at - 1]! : 0) + py[at]! - (y > 0 ? py[at - width]! : 0);
        const before = share[at]!;
        const now = Math.max(0, Math.min(1, before + tau * (divergence - cost[at]!)));
        share[at] = now;
        ahead[at] = 2 * now - before;
      }
    }
  }
}

/** The largest connected part, with its holes filled. */
function largest(patch: Patch): Patch {
  const { width, height, bits } = patch;
  const seen = new Int32Array(bits.length).fill(-1);
  const queue = new Int32Array(bits.length);
  /** Everything that is connected with a pixel and has its value. */
  const spread = (start: number, name: number): { size: number; open: boolean } => {
    let end = 1;
    let open = false;
    queue[0] = start;
    seen[start] = name;
    for (let at = 0; at < end; at += 1) {
      const place = queue[at]!;
      const x = place % width;
      const y = Math.floor(place / width);
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) open = true;
      for (const near of [x > 0 ? place - 1 : -1, x < width - 1 ? place + 1 : -1, place - width, place + width]) {
        if (near < 0 || near >= bits.length || seen[near]! >= 0 || bits[near] !== bits[start]) continue;
        seen[near] = name;
        queue[end] = near;
        end += 1;
      }
    }
    return { size: end, open };
  };
  let best = -1;
  let most = 0;
  const holes = new Set<number>();
  for (let at = 0, name = 0; at < bits.length; at += 1) {
    if (seen[at]! >= 0) continue;
    const { size, open } = spread(at, name);
    if (bits[at] && size > most) [best, most] = [name, size];
    if (!bits[at] && !open) holes.add(name);
    name += 1;
  }
  const kept = Uint8Array.from(seen, (name) => (name === best || holes.has(name) ? 1 : 0));
  return { ...patch, bits: kept };
}

/** From one place to all others near it, the way along edges: for scissors. */
export type Paths = { x: number; y: number; width: number; height: number; from: Int32Array };

const WINDOW = 200; // pixels each way in which a path is sought

/**
 * The cheapest paths from a place, where steps along strong edges cost little (live wire,
 * Mortensen 1995); by Dijkstra with whole costs in rings of buckets.
 */
export function pathsFrom(picture: Picture, [sx, sy]: Point): Paths {
  const left = Math.max(0, Math.floor(sx) - WINDOW);
  const top = Math.max(0, Math.floor(sy) - WINDOW);
  const width = Math.min(picture.width, Math.floor(sx) + WINDOW + 1) - left;
  const height = Math.min(picture.height, Math.floor(sy) + WINDOW + 1) - top;
  const cost = steepness(picture, left, top, width, height);
  const from = new Int32Array(width * height).fill(-1);
  const done = new Uint8Array(width * height);
  const best = new Int32Array(width * height).fill(2 ** 30);
  const rings = 1024;
  const buckets: number[][] = Array.from({ length: rings }, () => []);
  const clampedX = Math.min(width - 1, Math.max(0, Math.floor(sx) - left));
  const clampedY = Math.min(height - 1, Math.max(0, Math.floor(sy) - top));
  const start = clampedY * width + clampedX;
  best[start] = 0;
  buckets[0]!.push(start);
  let waiting = 1;
  for (let now = 0; waiting > 0; now += 1) {
    const bucket = buckets[now % rings]!;
    while (bucket.length) {
      const place = bucket.pop()!;
      waiting -= 1;
      if (done[place] || best[place]! > now) continue;
      done[place] = 1;
      const x = place % width;
      const y = Math.floor(place / width);
      for (let dy = -1; dy <= 1; dy += 1) {
        for (let dx = -1; dx <= 1; dx += 1) {
          const nx = x + dx;
          const ny = y + dy;
          if ((!dx && !dy) || nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
          const near = ny * width + nx;
          if (done[near]) continue;
          const whole = now + Math.max(1, Math.round(cost[near]! * (dx && dy ? 1.414 : 1)));
          if (whole >= best[near]!) continue;
          best[near] = whole;
          from[near] = place;
          buckets[whole % rings]!.push(near);
          waiting += 1;
        }
      }
    }
  }
  return { x: left, y: top, width, height, from };
}

/** What a step onto a pixel costs, 4 on a strong edge to 300 where all is alike. */
function steepness({ width: stride, height: rows, data }: Picture, left: number, top: number, width: number, height: number): Float32Array {
  const found = new Float32Array(width * height);
  const grey = (x: number, y: number) => {
    const at = 4 * (Math.min(rows - 1, Math.max(0, y)) * stride + Math.min(stride - 1, Math.max(0, x)));
    return [data[at]!, data[at + 1]!, data[at + 2]!] as const;
  };
  let most = 1;
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      const gx = x + left;
      const gy = y + top;
      let strongest = 0;
      const [w, e, n, s] = [grey(gx - 1, gy), grey(gx + 1, gy), grey(gx, gy - 1), grey(gx, gy + 1)];
      for (let c = 0; c < 3; c += 1) strongest = Math.max(strongest, Math.hypot(e[c]! - w[c]!, s[c]! - n[c]!));
      found[at] = strongest;
      most = Math.max(most, strongest);
    }
  }
  return found.map((g) => 4 + 296 * (1 - Math.min(1, g / (0.6 * most))) ** 2);
}

/** The points of the path to a place, from the start on; undefined where it lies too far away. */
export function pathTo(paths: Paths, [px, py]: Point): Point[] | undefined {
  const x = Math.floor(px) - paths.x;
  const y = Math.floor(py) - paths.y;
  if (x < 0 || y < 0 || x >= paths.width || y >= paths.height) return undefined;
  const points: Point[] = [];
  for (let at = y * paths.width + x; at >= 0; at = paths.from[at]!) {
    points.push([(at % paths.width) + paths.x + 0.5, Math.floor(at / paths.width) + paths.y + 0.5]);
  }
  return points.reverse();
}
