#pragma once

#include <string>

#include "reconciler/world.h"

// Carries out FileCalls below the daemon's own folders. Blocking; calls must come one after
// another, so that a write and a later removal keep their order. No link below an area is followed.
namespace fairlead::live {

class FileStore {
 public:
  FileStore(std::string state_folder, std::string secrets_folder, bool read_only)
      : state_(std::move(state_folder)),
        secrets_(std::move(secrets_folder)),
        read_only_(read_only) {}

  Answer call(const FileCall& call) const;

 private:
  Answer write(const FileCall& call) const;
  Answer remove(const FileCall& call) const;
  Answer list(const FileCall& call) const;
  const std::string& area(const FileCall& call) const;

  const std::string state_;
  const std::string secrets_;
  const bool read_only_;
};

}  // namespace fairlead::live
