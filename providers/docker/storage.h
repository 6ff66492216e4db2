#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "providers/docker/seen.h"
#include "providers/docker/steps.h"
#include "providers/provider.h"

// Whose an app's volume is. Before a container that mounts it is started for the first time, the
// engine is asked for the volume's own folder through it; where that belongs to somebody else, its
// owner is set through a keeper: a container of the same image that is created, never started, and
// removed. (Through the container itself the engine sets nothing where the root file system is read
// only. And what was set before the container was made, the engine undoes as long as the volume is
// empty: it gives it the owner that the image's folder at this path has.) Pure.
namespace fairlead::docker {

// The identity of the keeper made of this image: "blog.storage.0123456789ab".
Identity keeper_identity(const std::string& app, const std::string& image_id);

// The create request of a keeper of the app's volume. `volumes`: the image's own, in whose places
// the engine would make volumes.
Json keeper_body(const Identity& keeper, const std::vector<std::string>& volumes,
                 const Json& labels);

// Whether a create request is exactly what keeper_body() makes for this name. Errors: invalid.
Result<void> check_keeper(const Json& body, const std::string& name);

// Whether a container is a keeper's by its name, as it stands in a request.
bool is_keeper_name(std::string_view name);

// The request that gives the volume behind this keeper the owner and mode of `folder`.
HttpCall own_call(const std::string& api, const std::string& keeper, const FolderEntry& folder);

// Whether a request that writes files into a container is own_call()'s. Errors: invalid.
Result<void> check_own(const HttpCall& call);

// So much of an archive tells whose its first folder is.
inline constexpr std::size_t folder_bytes_enough = 8 << 10;

// One answer to GET /containers/ID/archive?path=PATH of a mounted volume; the beginning of it is
// enough. Errors: unavailable, from which nothing follows; invalid, where it is no folder.
Result<FolderEntry> decode_folder(const std::string& path, const Answer& answer);

// What `owner` ("1000", "1000:1000", "www-data") comes to. `passwd` and `group` are the image's
// files of these names; a group that is not said is the user's own where passwd tells, else
// nothing. Errors: not_found, a name that is not in them.
struct Owner {
  std::uint32_t user = 0;
  std::optional<std::uint32_t> group;
};
Result<Owner> find_owner(const std::string& owner, std::string_view passwd, std::string_view group);
// Whether names have to be looked up for it.
bool has_names(const std::string& owner);

}  // namespace fairlead::docker
