#pragma once

#include <string>

#include "reconciler/live/watch_set.h"

namespace fairlead::live {

// The commit (40 or 64 hex digits) that is checked out in `folder`, what it links to, or one of the
// three folders above either; empty where there is none. Reads HEAD, the branch's file and
// packed-refs by hand; linked worktrees work, too. With `watches`, the names whose change moves the
// revision are watched.
std::string git_revision(const std::string& folder, WatchSet* watches);

}  // namespace fairlead::live
