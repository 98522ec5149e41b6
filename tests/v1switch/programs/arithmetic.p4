// Expressions of all widths and signs. Operands come in, results go out in the same frame.
#include <core.p4>
#include <v1model.p4>

header operands_h {
    bit<8> a; bit<8> b; int<8> c; int<8> d; bit<32> e; bit<32> f;
    bit<128> g; bit<128> h; bit<4> i; bit<12> j;
}
header results_h {
    bit<8> sum; bit<8> difference; bit<8> saturated_sum; bit<8> saturated_difference;
    int<8> signed_sum; int<8> signed_difference; int<8> clamped_sum; int<8> clamped_difference;
    int<16> product; bit<16> widened; bit<32> shifted_left; bit<32> shifted_right;
    int<8> arithmetic_shift; bit<8> comparisons; bit<32> masked; bit<32> inverted;
    bit<128> wide_sum; bit<128> wide_xor; bit<64> slice; bit<16> joined; bit<8> chosen;
    bit<32> quotient; bit<32> remainder; bit<128> wide_shift; bit<8> negated; int<32> extended;
    bit<32> multiplied;
}
struct headers_t { operands_h in_; results_h out_; }
struct metadata_t {}

parser ArithmeticParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard) {
    state start { packet.extract(hdr.in_); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control ArithmeticIngress(inout headers_t hdr, inout metadata_t meta,
                          inout standard_metadata_t standard) {
    action small() {
        hdr.out_.sum = hdr.in_.a + hdr.in_.b;
        hdr.out_.difference = hdr.in_.a - hdr.in_.b;
        hdr.out_.saturated_sum = hdr.in_.a |+| hdr.in_.b;
        hdr.out_.saturated_difference = hdr.in_.a |-| hdr.in_.b;
        hdr.out_.negated = -hdr.in_.a;
        hdr.out_.widened = (bit<16>)hdr.in_.a * (bit<16>)hdr.in_.b;
    }
    action signs() {
        hdr.out_.signed_sum = hdr.in_.c + hdr.in_.d;
        hdr.out_.signed_difference = hdr.in_.c - hdr.in_.d;
        hdr.out_.clamped_sum = hdr.in_.c |+| hdr.in_.d;
        hdr.out_.clamped_difference = hdr.in_.c |-| hdr.in_.d;
        hdr.out_.product = (int<16>)hdr.in_.c * (int<16>)hdr.in_.d;
        hdr.out_.arithmetic_shift = hdr.in_.c >> hdr.in_.i;
        hdr.out_.extended = (int<32>)hdr.in_.c;
    }
    action words() {
        hdr.out_.shifted_left = hdr.in_.e << hdr.in_.a;
        hdr.out_.shifted_right = hdr.in_.e >> hdr.in_.i;
        hdr.out_.masked = hdr.in_.e & hdr.in_.f | 0xf0;
        hdr.out_.inverted = ~hdr.in_.e;
        hdr.out_.quotient = hdr.in_.e >> 3;
        hdr.out_.remainder = hdr.in_.e & 7;
        hdr.out_.multiplied = hdr.in_.e * hdr.in_.f;
    }
    action wide() {
        hdr.out_.wide_sum = hdr.in_.g + hdr.in_.h;
        hdr.out_.wide_xor = hdr.in_.g ^ hdr.in_.h;
        hdr.out_.slice = hdr.in_.g[99:36];
        hdr.out_.wide_shift = hdr.in_.g << 5;
        hdr.in_.h[71:8] = hdr.in_.g[63:0];
    }
    action mixed() {
        hdr.out_.joined = hdr.in_.i ++ hdr.in_.j;
        hdr.out_.chosen = hdr.in_.a > hdr.in_.b ? hdr.in_.a : hdr.in_.b;
        bit<8> flags = 0;
        if (hdr.in_.a < hdr.in_.b) { flags = flags | 1; }
        if (hdr.in_.c < hdr.in_.d) { flags = flags | 2; } else { flags = flags | 4; }
        if (hdr.in_.e >= hdr.in_.f && hdr.in_.g != hdr.in_.h) { flags = flags | 8; }
        if (!(hdr.in_.i == 3 || hdr.in_.j <= 100)) {
            flags = flags | 16;
            if (hdr.in_.c == -1) { flags = flags | 32; }
        }
        hdr.out_.comparisons = flags;
    }
    apply {
        standard.egress_spec = 2;
        if (hdr.in_.isValid()) {
            hdr.out_.setValid();
            small();
            signs();
            words();
            wide();
            mixed();
        }
    }
}
control ArithmeticEgress(inout headers_t hdr, inout metadata_t meta,
                         inout standard_metadata_t standard) { apply {} }
control ArithmeticDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.in_); packet.emit(hdr.out_); }
}
V1Switch(ArithmeticParser(), Nothing(), ArithmeticIngress(), ArithmeticEgress(), Nothing(),
         ArithmeticDeparser()) main;
