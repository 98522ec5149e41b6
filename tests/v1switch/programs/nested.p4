// Parsers in parsers, loops in loops, value sets with one and several fields. Lists of lists of
// items; an empty list ends all.
#include <core.p4>
#include <v1model.p4>

header head_h { bit<8> lists; bit<8> style; bit<16> mark; }
header list_h { bit<8> count; bit<8> kind; }
header item_h { bit<4> kind; bit<12> value; }
header sum_h { bit<8> lists; bit<8> items; bit<16> total; bit<8> met; }
struct headers_t { head_h head; sum_h sum; list_h[3] lists; item_h[6] items; }
struct metadata_t { bit<8> lists; bit<8> items; bit<16> total; bit<8> left; bit<8> met; }

parser Items(packet_in packet, inout item_h[6] found, inout bit<8> left, inout bit<8> count,
             inout bit<16> total, inout bit<8> met, in bit<8> bonus) {
    value_set<bit<4>>(4) stops;
    state start {
        total = total + (bit<16>)bonus;
        transition next;
    }
    state next { transition select(left) { 0: accept; default: item; } }
    state item {
        packet.extract(found.next);
        left = left - 1;
        count = count + 1;
        total = total + (bit<16>)found.last.value;
        transition select(found.last.kind) { stops: stopped; default: next; }
    }
    state stopped { met = met | 1; transition accept; }
}
struct pair_t { bit<8> kind; bit<16> mark; }
parser NestedParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    value_set<bit<8>>(4) kinds;
    value_set<pair_t>(4) pairs;
    Items() items;
    state start {
        packet.extract(hdr.head);
        transition select(hdr.head.style, hdr.head.mark) { pairs: marked; default: list; }
    }
    state marked { meta.met = meta.met | 2; transition list; }
    state list {
        transition select(meta.lists == hdr.head.lists) { true: accept; false: one_list; }
    }
    state one_list {
        packet.extract(hdr.lists.next);
        meta.lists = meta.lists + 1;
        meta.left = hdr.lists.last.count;
        transition select(hdr.lists.last.kind) { kinds: known; 0: accept; default: plain; }
    }
    state known {
        meta.met = meta.met | 4;
        items.apply(packet, hdr.items, meta.left, meta.items, meta.total, meta.met, 100);
        transition list;
    }
    state plain {
        items.apply(packet, hdr.items, meta.left, meta.items, meta.total, meta.met, 1);
        transition list;
    }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control NestedIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    apply {
        standard.egress_spec = 2;
        hdr.sum.setValid();
        hdr.sum.lists = meta.lists;
        hdr.sum.items = meta.items;
        hdr.sum.total = meta.total;
        hdr.sum.met = meta.met;
    }
}
control NestedEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) { apply {} }
control NestedDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.head); packet.emit(hdr.sum); packet.emit(hdr.lists); packet.emit(hdr.items); }
}
V1Switch(NestedParser(), Nothing(), NestedIngress(), NestedEgress(), Nothing(),
         NestedDeparser()) main;
