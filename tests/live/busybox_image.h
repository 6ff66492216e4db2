#pragma once

#include <map>
#include <string>

// The root file system of the test images: one statically linked busybox and links to it, as a tar
// archive that an engine imports. FAIRLEAD_TEST_BUSYBOX names the program, by default /bin/busybox.
// Plain functions; a missing program fails the test that asks.
namespace fairlead::testing {

// The variable's value; `otherwise` where it is not set or empty.
std::string environment(const char* name, const char* otherwise);

// `files`: path without its first "/" → content; a content that begins with "-> " makes a symbolic
// link to what follows, a path that ends with "/" a folder.
std::string busybox_archive(const std::map<std::string, std::string>& files = {});

}  // namespace fairlead::testing
