/** The icons in use, each imported from its own file so that the bundle carries no other. */
import ArrowLeft from 'lucide-react-native/icons/chevron-left';
import ChartCandlestick from 'lucide-react-native/icons/chart-candlestick';
import ChevronRight from 'lucide-react-native/icons/chevron-right';
import ChevronUp from 'lucide-react-native/icons/chevron-up';
import CircleUserRound from 'lucide-react-native/icons/circle-user-round';
import Clock from 'lucide-react-native/icons/clock';
import Eye from 'lucide-react-native/icons/eye';
import EyeOff from 'lucide-react-native/icons/eye-off';
import LocateFixed from 'lucide-react-native/icons/locate-fixed';
import Lock from 'lucide-react-native/icons/lock';
import LogOut from 'lucide-react-native/icons/log-out';
import Pencil from 'lucide-react-native/icons/pencil';
import Plus from 'lucide-react-native/icons/plus';
import Search from 'lucide-react-native/icons/search';
import Star from 'lucide-react-native/icons/star';
import Trash from 'lucide-react-native/icons/trash';
import TriangleAlert from 'lucide-react-native/icons/triangle-alert';
import Unplug from 'lucide-react-native/icons/unplug';
import WifiOff from 'lucide-react-native/icons/wifi-off';
import X from 'lucide-react-native/icons/x';

export const icons = {
  back: ArrowLeft,
  markets: ChartCandlestick,
  forward: ChevronRight,
  moveUp: ChevronUp,
  you: CircleUserRound,
  clock: Clock,
  eye: Eye,
  eyeOff: EyeOff,
  centre: LocateFixed,
  lock: Lock,
  signOut: LogOut,
  edit: Pencil,
  plus: Plus,
  search: Search,
  star: Star,
  remove: Trash,
  warning: TriangleAlert,
  unplug: Unplug,
  wifiOff: WifiOff,
  close: X,
} as const;
