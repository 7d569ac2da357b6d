export { CurveChart } from "./curve";
export { DuelChart, HarmChart } from "./evidence";
export { AccuracyChart, ClassChart, EvidenceChart, LatencyChart } from "./history";
export { IntervalBar } from "./interval";
export { readable } from "./numbers";
export { RequestsChart, RolesChart } from "./service";
