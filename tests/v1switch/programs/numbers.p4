// Numbers wider than a machine word, signed ones and saturating ones, and what is done to them.
#include <core.p4>
#include <v1model.p4>

header in_h {
    bit<256> a; bit<256> b; int<136> c; int<136> d; bit<8> n;
    int<16> e; int<16> f; bit<16> g; bit<16> h; int<7> i; bit<1> j;
}
header out_h {
    bit<256> sum; bit<256> product; bit<256> capped_sum; bit<256> capped_difference;
    bit<256> left; bit<256> right; bit<256> complement; bit<512> joined; bit<136> slice;
    int<136> signed_sum; int<136> clamped_sum; int<136> clamped_difference; int<136> negative;
    int<136> signed_left; int<136> signed_right; int<136> signed_product; bit<8> order;
    int<16> small_sum; int<16> small_clamped; int<16> small_minus; int<16> small_left;
    int<16> small_right; bit<16> capped; bit<16> floored; int<32> extended; bit<32> unsigned_;
    int<8> shortened; int<7> odd; bit<1> bit_; bit<24> pieces; bit<16> either; bit<16> ands;
    bit<16> xors; bit<8> truth; bit<256> larger;
}
struct headers_t { in_h in_; out_h out_; }
struct metadata_t {}

parser NumberParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    state start { packet.extract(hdr.in_); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control NumberIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    action wide() {
        hdr.out_.sum = hdr.in_.a + hdr.in_.b;
        hdr.out_.product = hdr.in_.a * hdr.in_.b;
        hdr.out_.capped_sum = hdr.in_.a |+| hdr.in_.b;
        hdr.out_.capped_difference = hdr.in_.a |-| hdr.in_.b;
        hdr.out_.left = hdr.in_.a << hdr.in_.n;
        hdr.out_.right = hdr.in_.a >> hdr.in_.n;
        hdr.out_.complement = ~hdr.in_.a;
        hdr.out_.joined = hdr.in_.a ++ hdr.in_.b;
        hdr.out_.slice = hdr.in_.a[199:64];
        hdr.out_.larger = hdr.in_.a > hdr.in_.b ? hdr.in_.a : hdr.in_.b;
    }
    action wide_signs() {
        hdr.out_.signed_sum = hdr.in_.c + hdr.in_.d;
        hdr.out_.clamped_sum = hdr.in_.c |+| hdr.in_.d;
        hdr.out_.clamped_difference = hdr.in_.c |-| hdr.in_.d;
        hdr.out_.negative = -hdr.in_.c;
        hdr.out_.signed_left = hdr.in_.c << hdr.in_.n;
        hdr.out_.signed_right = hdr.in_.c >> hdr.in_.n;
        hdr.out_.signed_product = hdr.in_.c * hdr.in_.d;
    }
    action small() {
        hdr.out_.small_sum = hdr.in_.e + hdr.in_.f;
        hdr.out_.small_clamped = hdr.in_.e |-| hdr.in_.f;
        hdr.out_.small_minus = -hdr.in_.e;
        hdr.out_.small_left = hdr.in_.e << hdr.in_.n;
        hdr.out_.small_right = hdr.in_.e >> hdr.in_.n;
        hdr.out_.capped = hdr.in_.g |+| hdr.in_.h;
        hdr.out_.floored = hdr.in_.g |-| hdr.in_.h;
        hdr.out_.extended = (int<32>)hdr.in_.e;
        hdr.out_.unsigned_ = (bit<32>)(int<32>)hdr.in_.f;
        hdr.out_.shortened = (int<8>)hdr.in_.e;
        hdr.out_.odd = hdr.in_.i |+| 7s9;
        hdr.out_.bit_ = hdr.in_.j ^ 1;
        hdr.out_.pieces = hdr.in_.g[15:8] ++ hdr.in_.h[11:4] ++ hdr.in_.n;
        hdr.out_.either = hdr.in_.g | hdr.in_.h;
        hdr.out_.ands = hdr.in_.g & hdr.in_.h;
        hdr.out_.xors = hdr.in_.g ^ hdr.in_.h;
        hdr.in_.b[135:120] = hdr.in_.h;
    }
    action compare() {
        bit<8> order = 0;
        if (hdr.in_.a < hdr.in_.b) { order = order | 1; }
        if (hdr.in_.a == hdr.in_.b) { order = order | 2; }
        if (hdr.in_.c < hdr.in_.d) { order = order | 4; }
        if (hdr.in_.c >= hdr.in_.d) { order = order | 8; }
        if (hdr.in_.e <= hdr.in_.f) { order = order | 16; }
        if (hdr.in_.e != hdr.in_.f) { order = order | 32; }
        if (hdr.in_.i > -7s3) { order = order | 64; }
        hdr.out_.order = order;
        bool both = hdr.in_.a < hdr.in_.b && hdr.in_.c < hdr.in_.d;
        bool any = hdr.in_.e < 0 || !both;
        hdr.out_.truth = (any == both) ? 8w1 : 8w2;
    }
    apply {
        standard.egress_spec = 2;
        if (hdr.in_.isValid()) { hdr.out_.setValid(); wide(); wide_signs(); small(); compare(); }
    }
}
control NumberEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) { apply {} }
control NumberDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.in_); packet.emit(hdr.out_); }
}
V1Switch(NumberParser(), Nothing(), NumberIngress(), NumberEgress(), Nothing(),
         NumberDeparser()) main;
