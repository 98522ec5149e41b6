// Headers of variable length: extracted, copied, assigned, compared, in a stack; and what goes wrong.
#include <core.p4>
#include <v1model.p4>

error { Unlucky, FarTooLong }

header order_h { bit<8> what; bit<8> length; bit<8> skip; bit<8> tail; }
header box_h { bit<8> size; varbit<128> content; bit<8> end; }
header option_h { bit<8> kind; varbit<64> value; }
header peek_h { bit<4> high; bit<4> low; bit<16> more; }
header sum_h { bit<8> error_; bit<16> hash; bit<16> length; bit<8> equal; }
struct headers_t { order_h order; sum_h sum; box_h box; box_h copy; option_h[3] options; }
struct metadata_t { bit<8> ahead; bit<16> further; bit<16> hash; }

parser VariableParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.order);
        verify(hdr.order.length != 13, error.Unlucky);
        verify(hdr.order.length < 200 || hdr.order.what == 9, error.FarTooLong);
        packet.advance((bit<32>)hdr.order.skip);
        meta.ahead = packet.lookahead<bit<8>>();
        transition select(hdr.order.what) { 7: options; 8: accept; default: box; }
    }
    state box {
        packet.extract(hdr.box, (bit<32>)hdr.order.length);
        transition select(hdr.order.tail) { 1: further; default: accept; }
    }
    state further {
        meta.further = packet.lookahead<bit<13>>() ++ 3w5;
        transition select(packet.lookahead<bit<3>>()) { 5: options; 0 .. 3: accept; }
    }
    state options {
        transition select(packet.lookahead<bit<8>>()) { 0: accept; 1: short; default: long; }
    }
    state short { packet.extract(hdr.options.next, 0); transition options; }
    state long {
        peek_h head = packet.lookahead<peek_h>();
        packet.extract(hdr.options.next, (bit<32>)head.low * 8);
        transition options;
    }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control VariableIngress(inout headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard) {
    apply {
        standard.egress_spec = 2;
        hdr.sum.setValid();
        hdr.sum.equal = 0;
        if (standard.parser_error == error.NoError) { hdr.sum.error_ = 0; }
        else if (standard.parser_error == error.PacketTooShort) { hdr.sum.error_ = 1; }
        else if (standard.parser_error == error.NoMatch) { hdr.sum.error_ = 2; }
        else if (standard.parser_error == error.StackOutOfBounds) { hdr.sum.error_ = 3; }
        else if (standard.parser_error == error.HeaderTooShort) { hdr.sum.error_ = 4; }
        else if (standard.parser_error == error.ParserTimeout) { hdr.sum.error_ = 5; }
        else if (standard.parser_error == error.ParserInvalidArgument) { hdr.sum.error_ = 6; }
        else if (standard.parser_error == error.Unlucky) { hdr.sum.error_ = 100; }
        else if (standard.parser_error == error.FarTooLong) { hdr.sum.error_ = 101; }
        else { hdr.sum.error_ = 255; }
        if (hdr.order.what == 1) { hdr.copy = hdr.box; }
        else if (hdr.order.what == 2) { hdr.copy = hdr.box; hdr.box.setInvalid(); hdr.copy.end = 0xee; }
        else if (hdr.order.what == 3 && hdr.box.isValid()) { hdr.copy.setValid(); hdr.copy.size = 3; hdr.copy.content = hdr.box.content; }
        else if (hdr.order.what == 4) { hdr.box.size = hdr.box.size + 1; }
        else if (hdr.order.what == 5) { hdr.options.pop_front(1); }
        else if (hdr.order.what == 6) { hdr.options.push_front(1); }
        if (hdr.box == hdr.copy) { hdr.sum.equal = 1; }
        hdr.sum.hash = 0;
        if (hdr.box.isValid()) {
            hash(hdr.sum.hash, HashAlgorithm.crc16, 16w0,
                 { hdr.order.what, hdr.box.content, hdr.box.end }, 32w65536);
        }
        hdr.sum.length = (bit<16>)standard.packet_length;
        hdr.order.skip = meta.ahead;
        hdr.order.tail = meta.further[15:8];
    }
}
control VariableEgress(inout headers_t hdr, inout metadata_t meta,
                       inout standard_metadata_t standard) {
    apply { hdr.order.length = (bit<8>)standard.packet_length; }
}
control VariableDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.order); packet.emit(hdr.sum); packet.emit(hdr.box); packet.emit(hdr.copy);
        packet.emit(hdr.options);
    }
}
V1Switch(VariableParser(), Nothing(), VariableIngress(), VariableEgress(), Nothing(),
         VariableDeparser()) main;
