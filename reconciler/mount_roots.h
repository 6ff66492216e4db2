#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reconciler/platform.h"

// Which folders of the host containers may mount, by their paths alone: those below the platform
// file's `mount_roots`, and never what would give away the host or fairlead itself, whatever the
// roots say. Paths are absolute and normalised. Pure. What lies there is looked at by
// live/host_path.h.
namespace fairlead {

// Whether `path` is `folder` or lies below it.
bool at_or_below(std::string_view path, std::string_view folder);

// Folders and files of fairlead's own that no mount must be, hold or lie below: those of the
// platform file, of the control socket and of the engine's.
std::vector<std::string> own_paths(const Platform& platform);

// These and folders of the system, all that no mount must be or hold.
std::vector<std::string> kept_out(const Platform& platform);

// Why nothing may be mounted at, above or below `path`, as the end of a sentence ("holds
// fairlead's own /var/lib/fairlead"); empty: it may.
std::string why_never_mounted(const Platform& platform, const std::string& path);

// The root at or above `path`, of several the outermost: what lies between the two may be a
// container's to change. Empty: none.
std::string mount_root_of(const Platform& platform, const std::string& path);

}  // namespace fairlead
