#!/usr/bin/env bash
# The live path on a real kernel: a small virtual machine with two v4l2loopback devices. A face clip is played into
# one, `mummer live` swaps from it into the other, and what arrives there is read and checked.
#
#   tests/system/virtual_camera.sh [FOLDER] [CLIP]
#
# Opt-in, as root, on Debian or Ubuntu with mmdebstrap, qemu-system-x86 and e2fsprogs. FOLDER keeps the machine's files
# (about 4 GB) for the next run; pictures of what arrived end up in FOLDER/out. CLIP is the demo's sample unless given.
# The machine is emulated unless ACCEL=kvm is set: allow ten minutes.
set -euo pipefail
repo=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mkdir -p "${1:-/tmp/mummer-vm}" && cd "${1:-/tmp/mummer-vm}" && pwd)
clip=${2:-}
suite=bookworm
python=3.11 # of that suite
seconds=${SECONDS_TO_READ:-600} # at most; ten swapped frames are enough
cd "$folder"

say() { printf '== %s\n' "$*"; }

if [ ! -e root/usr/bin/ffmpeg ]; then
    say "a Debian $suite with a kernel, and v4l2loopback built for it"
    rm -rf root
    mmdebstrap --variant=apt --include=linux-image-amd64,linux-headers-amd64,v4l2loopback-dkms,python3,python3-venv,ffmpeg,kmod,mount \
        "$suite" root "${APT_SOURCES:-/etc/apt/sources.list.d/debian.sources}"
fi
ls root/lib/modules/*/updates/dkms/v4l2loopback.ko

say "mummer and what it needs, as wheels for Python $python"
rm -rf own && pip wheel --quiet --no-deps --wheel-dir own "$repo"
pip download --quiet --dest wheels --python-version "$python" --implementation cp --only-binary=:all: \
    --platform manylinux_2_36_x86_64 --platform manylinux_2_34_x86_64 --platform manylinux_2_31_x86_64 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_26_x86_64 \
    --platform manylinux_2_24_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --platform manylinux1_x86_64 own/*.whl
mkdir -p root/wheels && cp -u wheels/*.whl root/wheels/ && cp own/*.whl root/wheels/
[ -e root/opt/mummer/bin/python ] || chroot root python3 -m venv /opt/mummer
chroot root /opt/mummer/bin/pip install --quiet --no-index --find-links /wheels --upgrade --force-reinstall --no-deps mummer
chroot root /opt/mummer/bin/pip install --quiet --no-index --find-links /wheels mummer

say "a clip"
if [ -z "$clip" ]; then
    [ -e demo/sample.mp4 ] || mummer demo --out demo
    clip=demo/sample.mp4
fi
cp "$clip" root/clip.mp4
# Small and plain, so that the emulated processor has time for the faces.
chroot root ffmpeg -nostdin -loglevel error -y -i /clip.mp4 -an -vf scale=320:-2,fps=4 -pix_fmt yuv420p /clip.y4m
cp "$repo/tests/system/guest.sh" "$repo/tests/system/guest.py" root/
chmod +x root/guest.sh
printf '%s\n' "$seconds" > root/seconds

say "its disk"
rm -f disk.img
mke2fs -q -t ext4 -d root disk.img 5G

say "the machine"
rm -rf out && mkdir -p out
timeout "${LIMIT:-1500}" qemu-system-x86_64 -accel "${ACCEL:-tcg,thread=multi}" -cpu max -smp 2 -m 3G -nographic -no-reboot \
    -kernel "$(ls root/boot/vmlinuz-* | tail -n 1)" -initrd "$(ls root/boot/initrd.img-* | tail -n 1)" \
    -drive file=disk.img,if=virtio,format=raw,cache=unsafe \
    -virtfs "local,path=$folder/out,mount_tag=out,security_model=mapped-xattr" \
    -append "root=/dev/vda rw console=ttyS0 quiet panic=-1 init=/guest.sh" | tee console.log
grep -q '^RESULT: passed' console.log
