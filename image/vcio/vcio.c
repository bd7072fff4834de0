// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vcio for a kernel that lacks Raspberry Pi's own driver of it: hands the firmware's reboot flags through, and no other
 * property, so that an update can be tried once ("tryboot"). A request is what drivers/firmware/raspberrypi.c of Linux sends by
 * rpi_firmware_property(); its form is in appliance/board/src/mailbox.rs, its tags in the firmware's wiki, "Mailbox property
 * interface".
 */
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/uaccess.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

#define VCIO_PROPERTY _IOWR(100, 0, char *)
#define GET_REBOOT_FLAGS 0x00030064
#define SET_REBOOT_FLAGS 0x00038064
#define ANSWERED 0x80000000

/* The one request that is understood: a property list with one tag whose value is one word. */
struct vcio_message {
	u32 size;
	u32 code;
	u32 tag;
	u32 value_bytes;
	u32 length;
	u32 value;
	u32 end;
};

static struct rpi_firmware *firmware;

static long vcio_ioctl(struct file *file, unsigned int request, unsigned long place)
{
	struct vcio_message __user *user = (void __user *)place;
	struct vcio_message message;
	int error;

	if (request != VCIO_PROPERTY)
		return -ENOTTY;
	if (copy_from_user(&message, user, sizeof(message)))
		return -EFAULT;
	if (message.size != sizeof(message) || message.value_bytes != sizeof(u32) || message.end)
		return -EINVAL;
	if (message.tag != GET_REBOOT_FLAGS && message.tag != SET_REBOOT_FLAGS)
		return -EPERM;
	error = rpi_firmware_property(firmware, message.tag, &message.value, sizeof(message.value));
	if (error)
		return error;
	message.code = ANSWERED;
	message.length = ANSWERED | sizeof(u32);
	return copy_to_user(user, &message, sizeof(message)) ? -EFAULT : 0;
}

static const struct file_operations vcio_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcio_ioctl,
};

static struct miscdevice vcio_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vcio",
	.fops = &vcio_operations,
	.mode = 0600,
};

static int __init vcio_init(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "raspberrypi,bcm2835-firmware");
	int error;

	if (!node)
		return -ENODEV;
	firmware = rpi_firmware_get(node);
	of_node_put(node);
	if (!firmware)
		return -ENXIO;
	error = misc_register(&vcio_device);
	if (error)
		rpi_firmware_put(firmware);
	return error;
}

static void __exit vcio_exit(void)
{
	misc_deregister(&vcio_device);
	rpi_firmware_put(firmware);
}

/* The node has a driver already; naming it here makes udev load this module where there is one, and nowhere else. */
static const struct of_device_id vcio_nodes[] = {
	{ .compatible = "raspberrypi,bcm2835-firmware" },
	{}
};
MODULE_DEVICE_TABLE(of, vcio_nodes);

module_init(vcio_init);
module_exit(vcio_exit);
MODULE_DESCRIPTION("Reboot flags of the Raspberry Pi's firmware, as /dev/vcio");
MODULE_LICENSE("GPL");
