#pragma once

#include <string>

#include "reconciler/world.h"

// Carries out FileCalls below the daemon's own folders. Blocking; calls must come one after
// another, so that a write and a later removal keep their order; looks at what is the host's
// (host_path.h) may come at any time. No link below an area is followed.
namespace fairlead::live {

class FileStore {
 public:
  FileStore(Platform::Folders folders, bool read_only)
      : folders_(std::move(folders)), read_only_(read_only) {}

  Answer call(const FileCall& call) const;

 private:
  Answer write(const FileCall& call) const;
  Answer remove(const FileCall& call) const;
  Answer list(const FileCall& call) const;
  Answer read(const FileCall& call) const;
  const std::string& area(const FileCall& call) const;

  const Platform::Folders folders_;
  const bool read_only_;
};

}  // namespace fairlead::live
