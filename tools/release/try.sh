#!/usr/bin/env bash
# Tries the Linux program in an empty root: tools/release/try.sh PROGRAM
#
# The root holds the program and the C library, unpacked from this Debian's or Ubuntu's packages: there the program has to
# say which package brings a driver. With that package it has to find the adapter and measure. Needs apt and root.
set -euo pipefail

program=${1:?usage: tools/release/try.sh PROGRAM}
# The packages that every Debian and Ubuntu has, and the one that the program names where no driver is.
BASE='libc6 libgcc-s1'
DRIVER=mesa-vulkan-drivers

say() { printf '%s\n' "$*" >&2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root
mkdir -p "$root/tmp" "$folder/packages"
# As in every installed system; newer packages hold only what is below /usr.
for name in bin lib lib64 sbin; do
    mkdir -p "$root/usr/$name"
    ln -s "usr/$name" "$root/$name"
done

# Unpacks packages, and what they depend on, into the root.
unpack() {
    local name names
    # shellcheck disable=SC2086 # a list
    names=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances $1 | grep '^[a-z0-9]' | sort -u)
    (
        cd "$folder/packages"
        # shellcheck disable=SC2086 # a list
        apt-get download $names >/dev/null 2>&1
        for name in ./*.deb; do
            dpkg-deb -x "$name" "$root"
            rm "$name"
        done
    )
}

# Runs the program in the root, without anything of this machine's environment.
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp chroot "$root" /mirscope "$@"; }

# Fails with what the program said where that lacks some words.
expect() {
    case $said in
    *"$1"*) ;;
    *)
        say "try.sh: expected '$1', found: $said"
        exit 1
        ;;
    esac
}

unpack "$BASE"
cp "$program" "$root/mirscope"
said=$(inside adapters 2>&1 || true)
expect "$DRIVER"
say "without a driver: $said"
said=$(inside measure --num-pairs 4 2>&1 || true)
expect "$DRIVER"

unpack "$BASE $DRIVER"
said=$(inside adapters 2>&1 || true)
expect '0  llvmpipe'
said=$(inside measure --num-pairs 4 --out /tmp/report.json 2>&1 || true)
expect 'wrote /tmp/report.json'
say "with $DRIVER: $(printf '%s\n' "$said" | grep '^MIR ')"
