#pragma once

#include <cstddef>

#include "reconciler/call.h"

// What lies at a path of the host that a container is about to mount. Others write there at the
// same time, so the path is opened below its root by the kernel's own check (openat2
// RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS; Linux 5.6), each part of it compared by device and inode
// with what is kept out, which may lie at other paths as well (a bind mount), and file systems that
// show the host itself (proc, sysfs) are refused. Blocking, for any thread.
namespace fairlead::live {

// Of a deep look; what is larger is refused, as nobody knows what is in it.
struct HostPathLimits {
  std::size_t entries_max = 1'000'000;
  int depth_max = 64;  // folders
};

// Answers a FileCall of the act `look`, as is said there.
Answer look_at_host_path(const FileCall& call, const HostPathLimits& limits = {});

}  // namespace fairlead::live
