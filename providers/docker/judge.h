#pragma once

#include "providers/provider.h"

// What an answer of the engine to a step means. All matching of the engine's message texts is here,
// in one table: texts change with versions, and what is unknown falls to the safe side (back off,
// show the text).
namespace fairlead::docker {

Outcome judge_step(const Keys& keys, const Step& step, const Answer& answer);

}  // namespace fairlead::docker
