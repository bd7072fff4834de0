# U-Boot in the place of a Raspberry Pi's firmware. It does what that does, as far as the system can see it:
# - the one-shot flag is read and cleared: here it is the first sector of partition 2 of this drive, of which writes last no
#   longer than QEMU does, as the Pi's flag lasts no longer than its power;
# - autoboot.txt on partition 1 of the medium says which partition boots, [tryboot] when the flag was set;
# - the kernel, the initramfs and the command line come from that partition;
# - partition, tryboot and build-timestamp are in the device tree, in /chosen/bootloader. The last one, when the firmware was built, is
#   in built.txt on this drive; without that file it is not said.
# It knows autoboot.txt in the two forms that Bandstand writes, which lie on this drive. As the firmware does, it boots the first
# partition that can boot where it knows no better.
virtio scan
part start virtio 0 2 sector
virtio read 40000000 ${sector} 1
load virtio 0:1 40001000 armed.bin
setenv tryboot 0
if cmp.b 40000000 40001000 8; then
    setenv tryboot 1
    mw.b 40000000 0 200
    virtio write 40000000 ${sector} 1
fi

setenv bp 2
virtio dev 1
mw.b 40010000 0 400
if load virtio 1:1 40010000 autoboot.txt; then
    load virtio 0:1 40011000 autoboot-a.txt
    if cmp.b 40010000 40011000 ${filesize}; then
        if test ${tryboot} = 1; then setenv bp 3; fi
    else
        load virtio 0:1 40011000 autoboot-b.txt
        if cmp.b 40010000 40011000 ${filesize}; then
            if test ${tryboot} = 0; then setenv bp 3; fi
        else
            echo "firmware: autoboot.txt is unknown"
        fi
    fi
fi
echo "firmware: partition ${bp}, tryboot ${tryboot}"

# The command line: what this drive adds for the console, and the medium's own behind it.
load virtio 0:1 40020000 bootargs.txt
setexpr place 40020000 + ${filesize}
mw.b ${place} 0 1000
load virtio 1:${bp} ${place} cmdline.txt
setexpr length ${place} - 40020000
setexpr length ${length} + ${filesize}
env import -t 40020000 ${length}

setenv built
if load virtio 0:1 40030000 built.txt; then env import -t 40030000 ${filesize}; fi

load virtio 1:${bp} ${kernel_addr_r} kernel8.img
load virtio 1:${bp} ${ramdisk_addr_r} initramfs8
setenv initrd ${ramdisk_addr_r}:${filesize}
fdt addr ${fdtcontroladdr}
fdt header get fs totalsize
fdt move ${fdtcontroladdr} 48000000 ${fs}
fdt resize 2000
fdt mknode /chosen bootloader
fdt set /chosen/bootloader partition <${bp}>
fdt set /chosen/bootloader tryboot <${tryboot}>
if test -n "${built}"; then fdt set /chosen/bootloader build-timestamp <${built}>; fi
booti ${kernel_addr_r} ${initrd} 48000000
# A firmware that cannot boot starts over.
reset
