// Ingress, for every frame of a tenant: the lengths in its IP and L4 headers must not exceed the
// frame. (Forwarding such a frame would leave the problem to the receiver, and an ACL that
// trusts the lengths could be bypassed.)

control IngressInspect(inout headers_t hdr, inout metadata_t meta) {
    bit<16> l4_len = 0;   // bytes of the IP packet's payload

    action check_ipv4() {
        bit<16> header_len = (bit<16>)hdr.ipv4.ihl << 2;
        bool fits = hdr.ipv4.total_len >= header_len
            && (bit<17>)hdr.ipv4.total_len + (bit<17>)ETHERNET_LEN <= (bit<17>)meta.tenant_len;
        l4_len = hdr.ipv4.total_len - header_len;
        meta.tenant.fragment =
            (hdr.ipv4.more_fragments == 1 || hdr.ipv4.frag_offset != 0) ? 1w1 : 1w0;
        meta.drop_reason = !fits ? DropReason.LENGTH
            : (hdr.ipv4.ttl == 0 ? DropReason.TTL : DropReason.NONE);
    }

    action check_ipv6() {
        bool fits = (bit<17>)hdr.ipv6.payload_len + (bit<17>)(IPV6_LEN + ETHERNET_LEN)
            <= (bit<17>)meta.tenant_len;
        l4_len = hdr.ipv6.payload_len;
        meta.drop_reason = !fits ? DropReason.LENGTH
            : (hdr.ipv6.hop_limit == 0 ? DropReason.TTL : DropReason.NONE);
    }

    // A first fragment's UDP length counts the whole datagram, which this fragment does not hold.
    action check_udp() {
        bool fits = l4_len >= UDP_LEN && hdr.udp.length >= UDP_LEN
            && (hdr.udp.length <= l4_len || meta.tenant.fragment == 1);
        meta.drop_reason = fits ? DropReason.NONE : DropReason.LENGTH;
    }

    action check_tcp() {
        bool fits = l4_len >= (bit<16>)hdr.tcp.data_offset << 2
            || (meta.tenant.fragment == 1 && l4_len >= TCP_MIN_LEN);
        meta.drop_reason = fits ? DropReason.NONE : DropReason.LENGTH;
    }

    action check_icmp() {
        meta.drop_reason = l4_len >= ICMP_MIN_LEN ? DropReason.NONE : DropReason.LENGTH;
    }

    apply {
        if (hdr.ethernet.src_addr[40:40] == 1) {
            meta.drop_reason = DropReason.SOURCE_MAC;
        } else if (hdr.ipv4.isValid()) {
            check_ipv4();
        } else if (hdr.ipv6.isValid()) {
            check_ipv6();
        }
        if (meta.drop_reason == DropReason.NONE) {
            if (hdr.udp.isValid()) {
                check_udp();
            } else if (hdr.tcp.isValid()) {
                check_tcp();
            } else if (hdr.icmp.isValid()) {
                check_icmp();
            }
        }
    }
}
