/* What a front does besides what every process does that reads the network (ipc/confine.h). */
#include "front/front.h"

#include <seccomp.h>

#include "ipc/confine.h"

static const int further[] = {
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(eventfd2),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(getdents64),
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
};

void
front_confine(void)
{
	confine("front", further, sizeof(further) / sizeof(further[0]));
}
