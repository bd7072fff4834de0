#!/usr/bin/perl
# move.pl RADIO PID: moves a radio (its number in /sys/class/ieee80211/*/index) into the network namespace of a process, by
# nl80211 (include/uapi/linux/{netlink,genetlink,nl80211}.h). `ip link` does not: a radio moves whole.
use strict;
use warnings;

my ($radio, $pid) = @ARGV;
# AF_NETLINK, SOCK_RAW, NETLINK_GENERIC
socket(my $socket, 16, 3, 16) or die "no netlink: $!\n";

sub attribute {
    my ($kind, $value) = @_;
    my $bytes = pack('SS', 4 + length $value, $kind) . $value;
    return $bytes . "\0" x (-length($bytes) % 4);
}

# ask FAMILY COMMAND FLAGS ATTRIBUTES: what the kernel answers, behind its two headers.
sub ask {
    my ($family, $command, $flags, $attributes) = @_;
    my $message = pack('LSSLL', 20 + length $attributes, $family, 1 | $flags, 1, 0) . pack('CCS', $command, 1, 0) . $attributes;
    send($socket, $message, 0) or die "nothing is sent: $!\n";
    defined recv($socket, my $answer, 65536, 0) or die "nothing is answered: $!\n";
    my ($kind, $error) = unpack('x4 S x10 l', $answer);
    if ($kind == 2 && $error != 0) {
        $! = -$error;
        die "refused: $!\n";
    }
    return substr $answer, 20;
}

# CTRL_CMD_GETFAMILY, by CTRL_ATTR_FAMILY_NAME; of the answer CTRL_ATTR_FAMILY_ID.
my ($answer, $family) = (ask(16, 3, 0, attribute(2, "nl80211\0")));
while (length $answer >= 4) {
    my ($length, $kind) = unpack('SS', $answer);
    $family = unpack('S', substr $answer, 4) if $kind == 1;
    $answer = substr $answer, ($length + 3) & ~3;
}
# NL80211_CMD_SET_WIPHY_NETNS, with NL80211_ATTR_WIPHY and NL80211_ATTR_PID, acknowledged.
ask($family, 49, 4, attribute(1, pack 'L', $radio) . attribute(82, pack 'L', $pid));
