#pragma once

#include <string>
#include <vector>

#include "providers/docker/seen.h"
#include "reconciler/call.h"
#include "reconciler/platform.h"

// Folders of the host that containers mount. A path says nothing of what lies there: whoever may
// write in a folder above it puts a link in its place. So each is looked at before a container is
// made of it, which keeps in a label what was found, and again right before the container is
// started: no link below the root, nothing of fairlead's own, and for the first start the same
// device and inode. The engine itself resolves the path at each start. Pure.
namespace fairlead::docker {

// Asks what lies at `path`. `identity`: what must lie there; empty: whatever may be mounted.
FileCall look_call(const Platform& platform, const std::string& path, const std::string& identity);

// The answer to it. Errors: unavailable, from which nothing follows.
Result<SeenMount> decode_look(const std::string& path, const Answer& answer);

// Whether look_call() would have asked this. Errors: denied.
Result<void> check_look(const FileCall& call, const Platform& platform);

// Why no container may mount this path, whatever lies there; empty: it may.
std::string why_not_mounted(const Platform& platform, const std::string& path);

// What to do about that.
inline constexpr char mount_advice[] =
    "say a folder below one, add its root there, or use `needs: [storage]`";

// Of the host's paths that a container mounts (Detail::binds) those that its manifest says.
std::vector<std::string> said_mounts(const SeenContainer& container, const Platform& platform);

}  // namespace fairlead::docker
