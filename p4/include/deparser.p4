// The deparser: every header that is still valid, in wire order. The target appends the payload.

control FalconDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);

        packet.emit(hdr.outer_ethernet);
        packet.emit(hdr.outer_ipv4);
        packet.emit(hdr.outer_ipv4_options);
        packet.emit(hdr.outer_udp);
        packet.emit(hdr.vxlan);

        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.arp);
        packet.emit(hdr.arp_ipv4);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv4_options);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.icmp);
        packet.emit(hdr.tcp);
        packet.emit(hdr.udp);
    }
}
