import type { Case } from "../api/client";
import type { Gate } from "../gates";

// Evidence is an open record: each stage of the loop adds its own part to it.
export type Estimate = { value: number | null; low: number | null; high: number | null };
export type Diagnosis = {
  p_value: number;
  images: number;
  drifted: number;
  share: number;
  share_low: number;
  share_high: number;
  differences: string[];
  estimate?: Estimate;
  estimate_on_drifted?: Estimate;
};
export type Harm = {
  verdict: Case["verdict"];
  n: number;
  errors: number;
  margin: number;
  e_harm: number;
  e_harmless: number;
  labels_needed: number;
  error_rate: number | null;
};
export type Comparison = {
  decision: string;
  wins: number;
  losses: number;
  ties: number;
  e_better: number;
  pairs: number;
  disagreements: number;
};
export type Evidence = {
  diagnosis?: Diagnosis;
  harm?: Harm;
  cost?: string;
  version?: { name: string; digest: string };
  run?: string;
  model_tests?: { passed: boolean; failed: string[]; gates: Gate[]; accuracy?: number };
  comparison?: Comparison;
};
