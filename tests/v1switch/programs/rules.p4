// Tables of every kind for random entries, with direct counters. The frame tells what it met.
#include <core.p4>
#include <v1model.p4>

header key_h {
    bit<8> a; bit<16> b; bit<8> c; int<8> d; bit<128> wide; bit<7> odd; bit<1> flag;
}
header note_h { bit<8> text; }
header found_h {
    bit<16> exactly; bit<16> longest; bit<16> patterned; bit<16> ranged; bit<16> maybe;
    bit<128> wide; bit<16> mixed; bit<16> hits; bit<16> keyless; bit<16> late;
}
struct headers_t { key_h key; note_h note; found_h found; }
struct metadata_t { bit<16> late; }

parser RuleParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.key);
        transition select(hdr.key.flag) { 1: with_note; default: accept; }
    }
    state with_note { packet.extract(hdr.note); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control RuleIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    direct_counter(CounterType.packets_and_bytes) exact_count;
    direct_counter(CounterType.packets_and_bytes) lpm_count;
    direct_counter(CounterType.packets_and_bytes) ternary_count;
    direct_counter(CounterType.packets_and_bytes) range_count;
    direct_counter(CounterType.packets) optional_count;
    direct_counter(CounterType.bytes) mixed_count;
    action found_exact(bit<16> v) { hdr.found.exactly = v; }
    action found_longest(bit<16> v) { hdr.found.longest = v; }
    action found_ternary(bit<16> v) { hdr.found.patterned = v; }
    action found_range(bit<16> v) { hdr.found.ranged = v; }
    action found_optional(bit<16> v) { hdr.found.maybe = v; }
    action found_wide(bit<128> v) { hdr.found.wide = v; }
    action found_mixed(bit<16> v, bit<7> w) { hdr.found.mixed = v; hdr.key.odd = w; }
    action set_keyless(bit<16> v) { hdr.found.keyless = v; }
    action send(bit<9> port) { standard.egress_spec = port; }
    action refuse() { mark_to_drop(standard); }
    table exactly {
        key = { hdr.key.a : exact; hdr.key.d : exact; hdr.note.isValid() : exact; }
        actions = { found_exact; refuse; NoAction; }
        counters = exact_count;
        size = 64;
    }
    table longest {
        key = { hdr.key.c : exact; hdr.key.b : lpm; }
        actions = { found_longest; NoAction; }
        counters = lpm_count;
        size = 64;
    }
    table patterned {
        key = { hdr.key.a : ternary; hdr.key.b : ternary; hdr.key.odd : ternary; }
        actions = { found_ternary; send; NoAction; }
        counters = ternary_count;
        size = 64;
    }
    table ranged {
        key = { hdr.key.a : range; hdr.key.b : range; hdr.key.c : ternary; hdr.note.isValid() : exact; }
        actions = { found_range; NoAction; }
        counters = range_count;
        size = 64;
    }
    table maybe {
        key = { hdr.key.a : optional; hdr.note.text : optional; }
        actions = { found_optional; NoAction; }
        counters = optional_count;
        size = 64;
    }
    table wide {
        key = { hdr.key.wide : lpm; }
        actions = { found_wide; NoAction; }
        size = 64;
    }
    table mixed {
        key = { hdr.key.odd : exact; hdr.key.b : lpm; hdr.key.wide : ternary; }
        actions = { found_mixed; NoAction; }
        counters = mixed_count;
        size = 64;
    }
    table keyless { actions = { set_keyless; NoAction; } default_action = NoAction(); }
    apply {
        standard.egress_spec = 2;
        hdr.found.setValid();
        hdr.found.hits = 0;
        if (exactly.apply().hit) { hdr.found.hits = hdr.found.hits | 1; }
        if (longest.apply().miss) { hdr.found.hits = hdr.found.hits | 2; }
        switch (patterned.apply().action_run) {
            found_ternary: { hdr.found.hits = hdr.found.hits | 4; }
            send: { hdr.found.hits = hdr.found.hits | 8; }
        }
        if (!ranged.apply().hit) { hdr.found.hits = hdr.found.hits | 16; }
        maybe.apply();
        wide.apply();
        mixed.apply();
        keyless.apply();
        meta.late = hdr.found.patterned & 7;
    }
}
control RuleEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    direct_counter(CounterType.packets_and_bytes) late_count;
    action found_late(bit<16> v) { hdr.found.late = v; }
    action refuse() { mark_to_drop(standard); }
    table late {
        key = { meta.late : exact; standard.egress_port : ternary; }
        actions = { found_late; refuse; NoAction; }
        counters = late_count;
        size = 64;
    }
    apply { late.apply(); }
}
control RuleDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.found); packet.emit(hdr.key); packet.emit(hdr.note); }
}
V1Switch(RuleParser(), Nothing(), RuleIngress(), RuleEgress(), Nothing(), RuleDeparser()) main;
