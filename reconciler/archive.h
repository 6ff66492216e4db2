#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "reconciler/result.h"

// Reads the tar that an engine answers when it is asked for one file of a container, or for a
// folder. The tar is made of what a foreign image holds, so that all but the one expected form is
// refused: a ustar header, one pax header before it at most, and only in what does not matter here;
// one entry; the blocks of zeros that end a tar. Pure; errors are `invalid` and say what was found
// instead.
namespace fairlead {

// The content of the one entry, which must be a regular file of this name and no longer than
// `bytes_max`.
Result<std::string> only_file(std::string_view tar, std::string_view name, std::size_t bytes_max);

// Whose a folder is, as ids, and the bits of its mode.
struct FolderEntry {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  unsigned mode = 0755;
  bool operator==(const FolderEntry&) const = default;
};

// The first entry, which must be a folder of this name. What stands behind it does not matter and
// may be cut off.
Result<FolderEntry> first_folder(std::string_view tar, std::string_view name);

// A tar of this one folder, with nothing in it. `name`: at most 99 bytes, without a slash.
std::string folder_archive(std::string_view name, const FolderEntry& folder);

}  // namespace fairlead
