// Every match kind, constant entries with priorities, hit and miss, action_run, exit.
#include <core.p4>
#include <v1model.p4>

header key_h { bit<16> exact_; bit<32> prefix; bit<16> pattern; bit<8> number; bit<8> maybe; }
header note_h { bit<8> text; }
header marks_h { bit<8> a; bit<8> b; bit<8> c; bit<8> d; bit<8> e; bit<8> f; bit<16> tail; }
struct headers_t { key_h key; note_h note; marks_h marks; }
struct metadata_t { bit<8> shifted; }

parser MatchParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.key);
        transition select(hdr.key.number) { 0x77: with_note; default: accept; }
    }
    state with_note { packet.extract(hdr.note); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control MatchIngress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) {
    action mark_a(bit<8> v) { hdr.marks.a = v; }
    action mark_b(bit<8> v) { hdr.marks.b = v; }
    action mark_c(bit<8> v) { hdr.marks.c = v; }
    action mark_d(bit<8> v) { hdr.marks.d = v; }
    action mark_e(bit<8> v) { hdr.marks.e = v; }
    action two(bit<8> v, bit<16> w) { hdr.marks.f = v; hdr.marks.tail = w; }
    action stop() { hdr.marks.f = 0xee; exit; }
    action drop() { mark_to_drop(standard); }
    action refuse(inout standard_metadata_t copied) { mark_to_drop(copied); }

    table exactly {
        key = { hdr.key.exact_ : exact; hdr.note.isValid() : exact; }
        actions = { mark_a; drop; NoAction; }
        const default_action = mark_a(255);
        const entries = {
            (1, false) : mark_a(1);
            (1, true)  : mark_a(2);
            (2, false) : drop();
        }
    }
    table longest {
        key = { hdr.key.prefix : lpm; hdr.key.maybe : exact; }
        actions = { mark_b; NoAction; }
        default_action = mark_b(255);
        const entries = {
            (0x0a000000 &&& 0xff000000, 7) : mark_b(8);
            (0x0a010000 &&& 0xffff0000, 7) : mark_b(16);
            (0x0a010203 &&& 0xffffffff, 7) : mark_b(32);
            (0x00000000 &&& 0x00000000, 7) : mark_b(1);
        }
    }
    table patterned {
        key = { hdr.key.pattern : ternary; hdr.key.maybe : optional; meta.shifted : ternary; }
        actions = { mark_c; NoAction; }
        const entries = {
            (0x1234, 9, _) : mark_c(3);
            (0x1200 &&& 0xff00, _, _) : mark_c(2);
            (0x1000 &&& 0xf000, _, _) : mark_c(1);
            (_, 5, 0xff) : mark_c(4);
            (_, _, _) : mark_c(5);
        }
    }
    table ranged {
        key = { hdr.key.number : range; hdr.key.pattern : ternary; hdr.key.exact_ : exact; }
        actions = { mark_d; NoAction; }
        const entries = {
            (10 .. 20, _, 1) : mark_d(1);
            (15 .. 30, 0x1234, 1) : mark_d(2);
            (0 .. 255, 0 &&& 1, 1) : mark_d(3);
        }
    }
    table chosen {
        key = { hdr.key.number : exact; }
        actions = { two; stop; drop; NoAction; }
        const entries = { 1 : two(9, 0x1234); 2 : stop(); 3 : drop(); }
    }
    table last {
        key = { hdr.key.number & 0xf0 : exact @name("high"); }
        actions = { mark_e; }
        default_action = mark_e(7);
        const entries = { 0x10 : mark_e(1); 0x20 : mark_e(2); }
    }
    apply {
        standard.egress_spec = 2;
        meta.shifted = hdr.key.maybe - 6;
        if (hdr.key.isValid()) {
            hdr.marks.setValid();
            exactly.apply();
            if (longest.apply().hit) { patterned.apply(); } else { hdr.marks.c = 99; }
            if (!ranged.apply().hit) { hdr.marks.d = 98; }
            switch (chosen.apply().action_run) {
                two: { hdr.marks.f = hdr.marks.f + 1; }
                stop: { hdr.marks.f = 1; }
                default: { last.apply(); }
            }
            if (hdr.key.number == 31) { refuse(standard); }
        }
    }
}
control MatchEgress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) { apply {} }
control MatchDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.marks); packet.emit(hdr.key); packet.emit(hdr.note); }
}
V1Switch(MatchParser(), Nothing(), MatchIngress(), MatchEgress(), Nothing(), MatchDeparser()) main;
