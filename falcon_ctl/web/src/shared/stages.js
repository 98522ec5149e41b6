// The stages of the receive path in the order in which a packet comes to them, with the titles and
// colours of the talk: blue, green and yellow are the first, second and third softirq. The same as
// falcon_ctl/figures/core_plots.py has for pictures.

export const STAGES = [
  { kind: "napi", title: "NIC", long: "first softirq: NIC", colour: "#2f6fde", ink: "#ffffff" },
  { kind: "split", title: "GRO split", long: "its GRO, split off", colour: "#8fb8f5", ink: "#101418" },
  { kind: "rps", title: "RPS", long: "its stack, on RPS's core", colour: "#56b4e9", ink: "#101418" },
  { kind: "poll", title: "poll", long: "kernel bypass", colour: "#8172b3", ink: "#ffffff" },
  { kind: "gro_cell", title: "VXLAN", long: "second softirq: VXLAN, bridge", colour: "#2ca02c", ink: "#101418" },
  { kind: "backlog", title: "veth", long: "third softirq: container's stack", colour: "#f2c80f", ink: "#101418" },
  { kind: "defrag", title: "defrag", long: "reassembly", colour: "#d98cb3", ink: "#101418" },
  { kind: "socket", title: "app", long: "application", colour: "#b0b0b0", ink: "#101418" },
  { kind: "other", title: "other", long: "interrupts, overhead", colour: "#6d7580", ink: "#ffffff" },
];

const BY_KIND = new Map(STAGES.map((stage) => [stage.kind, stage]));

// What is shown for a kind of work; interrupts and overhead are "other".
export function stageOf(kind) {
  return BY_KIND.get(kind) ?? BY_KIND.get("other");
}

export function orderOf(kind) {
  return STAGES.indexOf(stageOf(kind));
}
