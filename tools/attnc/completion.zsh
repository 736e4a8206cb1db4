#compdef attnc
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Completion of attnc for zsh. Options are those that `attnc COMMAND --help` lists: nothing to keep in step here.

_attnc() {
  local -a commands options
  commands=(build run check explain bench targets fmt new)
  local command=build previous=${words[CURRENT - 1]}
  ((CURRENT > 2)) && ((${commands[(Ie)${words[2]}]})) && command=${words[2]}
  if [[ $PREFIX == --*=* ]]; then
    previous=${PREFIX%%=*}
    compset -P '*='
  fi
  case $previous in
    --target) compadd -- ${(f)"$(attnc targets 2>/dev/null | sed -nE 's/^  ([a-z]+:[^ ]+).*/\1/p')"}; return ;;
    --emit) compset -P '*,'; compadd -- so obj header asm llvm mlir; return ;;
    --until) compadd -- spec cascade route tile target; return ;;
    --dump-dir | --cache-dir) _files -/; return ;;
    -o) _files; return ;;
    --in | --out) compset -P '*=' && _files -g '*.npy'; return ;;
    --bind | --type | --tile | --size | --set | --kernel | --seed | --threads | --scale-data) return ;;
  esac
  if [[ $PREFIX == -* ]]; then
    options=(${(f)"$(attnc $command --help 2>/dev/null | sed -nE 's/^  (-[-a-zA-Z]+) .*/\1/p')"})
    compadd -- $options
    return
  fi
  ((CURRENT == 2)) && compadd -- $commands
  _files -g '*.attn'
}

_attnc "$@"
