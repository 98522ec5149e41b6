// Selectors of several algorithms, profiles without selector, groups of weighted members.
#include <core.p4>
#include <v1model.p4>

header key_h { bit<8> a; bit<8> b; bit<16> flow; bit<128> address; bit<8> mark; bit<8> other; }
struct headers_t { key_h key; }
struct metadata_t {}

parser SelectorsParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                       inout standard_metadata_t standard) {
    state start { packet.extract(hdr.key); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control SelectorsIngress(inout headers_t hdr, inout metadata_t meta,
                         inout standard_metadata_t standard) {
    direct_counter(CounterType.packets_and_bytes) counted;
    action send(bit<9> port) { standard.egress_spec = port; }
    action mark(bit<8> v) { hdr.key.mark = v; }
    action both(bit<8> v, bit<8> w) { hdr.key.mark = v; hdr.key.other = w; }
    action drop() { mark_to_drop(standard); }
    action_profile(16) members;
    action_selector(HashAlgorithm.crc32, 32w32, 32w32) by_crc32;
    action_selector(HashAlgorithm.identity, 32w32, 32w16) by_identity;
    action_selector(HashAlgorithm.csum16, 32w32, 32w16) by_sum;
    action_selector(HashAlgorithm.xor16, 32w32, 32w16) by_xor;
    action_selector(HashAlgorithm.crc16_custom, 32w32, 32w16) by_crc16_custom;
    action_selector(HashAlgorithm.crc32_custom, 32w32, 32w16) by_crc32_custom;
    table plain {
        key = { hdr.key.a : ternary; }
        actions = { mark; both; NoAction; }
        implementation = members;
        counters = counted;
        size = 64;
    }
    table balanced {
        key = { hdr.key.a : exact; hdr.key.flow : selector; hdr.key.address : selector; }
        actions = { send; drop; NoAction; }
        implementation = by_crc32;
        size = 64;
    }
    table routed {
        key = { hdr.key.address : lpm; hdr.key.flow : selector; }
        actions = { both; NoAction; }
        implementation = by_identity;
        size = 64;
    }
    table shared_one {
        key = { hdr.key.b : range; hdr.key.flow : selector; hdr.key.b : selector; }
        actions = { mark; NoAction; }
        implementation = by_sum;
        size = 64;
    }
    table shared_two {
        key = { hdr.key.flow : exact; hdr.key.a : selector; hdr.key.flow : selector; }
        actions = { mark; NoAction; }
        implementation = by_xor;
        size = 64;
    }
    table custom_one {
        key = { hdr.key.b : exact; hdr.key.flow : selector; }
        actions = { mark; NoAction; }
        implementation = by_crc16_custom;
        size = 64;
    }
    table custom_two {
        key = { hdr.key.b : exact; hdr.key.address : selector; hdr.key.a : selector; }
        actions = { both; NoAction; }
        implementation = by_crc32_custom;
        size = 64;
    }
    apply {
        standard.egress_spec = 3;
        plain.apply();
        balanced.apply();
        if (hdr.key.a < 100) { custom_one.apply(); } else { custom_two.apply(); }
        routed.apply();
        shared_one.apply();
        switch (shared_two.apply().action_run) { mark: { hdr.key.b = hdr.key.b + 1; } }
    }
}
control SelectorsEgress(inout headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard) { apply {} }
control SelectorsDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.key); } }
V1Switch(SelectorsParser(), Nothing(), SelectorsIngress(), SelectorsEgress(), Nothing(),
         SelectorsDeparser()) main;
