#!/bin/bash
# What the virtual machine runs instead of an init: the test, and then it powers itself off.
export PATH=/opt/mummer/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /tmp
modprobe -a 9p 9pnet_virtio && mkdir -p /out && mount -t 9p -o trans=virtio,version=9p2000.L out /out
modprobe v4l2loopback devices=2 video_nr=10,11 card_label=clip,mummer
ls -l /dev/video10 /dev/video11

ffmpeg -nostdin -loglevel error -re -stream_loop -1 -i /clip.y4m -f v4l2 /dev/video10 &
sleep 5
mummer devices
mummer live --camera /dev/video10 --to virtualcam:/dev/video11 > /tmp/live.txt 2>&1 &
live=$!
timeout 2400 python /guest.py "$(cat /seconds)" && verdict=passed || verdict=failed
kill -TERM $live
wait $live
echo "mummer live ended with $?"
tail -n 20 /tmp/live.txt
printf '\nRESULT: %s\n' "$verdict"
sync
echo o > /proc/sysrq-trigger
sleep 60
