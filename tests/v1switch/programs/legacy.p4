// What p4c never writes but BMv2 knows: mend.py turns each action into the primitive of its name.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> what; bit<8> at; }
header item_h { bit<8> kind; }
header pair_h { bit<16> x; }
header numbers_h {
    bit<16> a; bit<16> b; bit<16> sum; bit<16> difference; bit<16> either; bit<16> both;
    bit<16> one; bit<16> left; bit<16> right; bit<16> total; bit<16> rest; bit<16> copy;
    bit<16> quotient; bit<16> modulus; bit<16> size_; bit<16> cell; bit<16> saturating_sum;
    bit<16> saturating_difference; int<16> saturating_signed; int<16> c; bit<8> valid_;
}
header sized_h { bit<8> length; varbit<56> text; }
struct headers_t { order_h order; numbers_h numbers; sized_h sized; item_h[3] items; pair_h first; pair_h second; }
struct metadata_t {}

parser LegacyParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.order);
        packet.advance(16);
        packet.extract(hdr.numbers);
        transition select(hdr.order.what[7:6]) { 2: pairs; 1: sized; default: items; }
    }
    state sized { packet.extract(hdr.sized, 8); transition items; }
    state pairs { packet.extract(hdr.first); transition items; }
    state items {
        packet.extract(hdr.items.next);
        transition select(hdr.items.last.kind[0:0]) { 1: items; default: accept; }
    }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control LegacyIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    register<bit<16>>(4) cells;
    action add() {
        hdr.numbers.sum = hdr.numbers.a + hdr.numbers.b;
        hdr.numbers.saturating_sum = hdr.numbers.a + hdr.numbers.b;
        hdr.numbers.saturating_signed = hdr.numbers.c + hdr.numbers.c;
    }
    action subtract() {
        hdr.numbers.difference = hdr.numbers.a - hdr.numbers.b;
        hdr.numbers.saturating_difference = hdr.numbers.a - hdr.numbers.b;
    }
    action bit_xor() { hdr.numbers.one = hdr.numbers.a ^ hdr.numbers.b; }
    action bit_or() { hdr.numbers.either = hdr.numbers.a | hdr.numbers.b; }
    action bit_and() { hdr.numbers.both = hdr.numbers.a & hdr.numbers.b; }
    action shift_left() { hdr.numbers.left = hdr.numbers.a << hdr.order.at; }
    action shift_right() { hdr.numbers.right = hdr.numbers.a >> hdr.order.at; }
    action add_to_field() { hdr.numbers.total = hdr.numbers.total + hdr.numbers.b; }
    action subtract_from_field() { hdr.numbers.rest = hdr.numbers.rest - hdr.numbers.b; }
    action modify_field() { hdr.numbers.copy = hdr.numbers.b; }
    action divide() { hdr.numbers.quotient = hdr.numbers.a + (hdr.numbers.b | 1); }
    action remainder() { hdr.numbers.modulus = hdr.numbers.a + 7; }
    action size() { hdr.numbers.size_ = 5; }
    action cell() { hdr.numbers.cell = hdr.numbers.b; }
    action store() { hdr.numbers.a = hdr.numbers.b; }
    action copy_header() { hdr.second = hdr.first; }
    action add_header_fast() { hdr.second.setValid(); }
    action drop() { mark_to_drop(standard); }
    action no_op() { hdr.order.what = 0; }
    action found(bit<8> v) { hdr.numbers.valid_ = v; }
    table keyed {
        key = { hdr.first.isValid() : exact; hdr.second.isValid() : exact; }
        actions = { found; NoAction; }
        const default_action = NoAction();
        const entries = { (true, false) : found(1); (false, true) : found(2); (true, true) : found(3); }
    }
    apply {
        standard.egress_spec = 2;
        if (hdr.numbers.isValid()) {
            add(); subtract(); bit_xor(); bit_or(); bit_and(); shift_left(); shift_right();
            add_to_field(); subtract_from_field(); modify_field(); divide(); remainder(); size();
            cell(); store(); no_op();
            if (hdr.order.what[0:0] == 1) { copy_header(); }
            if (hdr.order.what[1:1] == 1) { add_header_fast(); hdr.second.x = 7; }
            keyed.apply();
            if (hdr.order.what[2:2] == 1) { drop(); }
        }
    }
}
control LegacyEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) { apply {} }
control LegacyDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.order); packet.emit(hdr.numbers); packet.emit(hdr.sized); packet.emit(hdr.items);
        packet.emit(hdr.first); packet.emit(hdr.second);
    }
}
V1Switch(LegacyParser(), Nothing(), LegacyIngress(), LegacyEgress(), Nothing(),
         LegacyDeparser()) main;
