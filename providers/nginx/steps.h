#pragma once

#include <string>

#include "providers/provider.h"

// The edge's steps, each one request; what their answers mean; and the last word on each. Pure.
namespace fairlead::nginx {

// Counter of the memory of the app `edge`: reloads since the start.
inline constexpr char all_reloads[] = "reload";
inline constexpr char note_rejected[] = "rejected ";
// Place::instance of an nginx on the host.
inline constexpr char host_instance[] = "host";

// One act on a file below the edge's folder.
FileCall edge_file(FileCall::Act act, std::string path);

Step write_file(const std::string& path, const Secret& content);
Step remove_file(const std::string& path);
// current.conf names the generation.
Step switch_to(const std::string& generation);
// In the edge's container, or on the host by the platform file's commands.
Step test(const Platform& platform, const Place& edge, const std::string& generation);
Step reload(const Platform& platform, const Place& edge, const std::string& generation);
Step wait_for(const std::string& generation);

Outcome judge_step(const Step& step, const Answer& answer);

// Errors: denied.
Result<void> check_policy(const Call& call, const Platform& platform);

}  // namespace fairlead::nginx
